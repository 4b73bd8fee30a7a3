"""The closed vocabularies that state and labels are built on (pure).

The order of each tuple is the order of the symbols in `schemas/avro`, because an enum column's
physical code is the symbol's position; a contract test holds the two together.
"""

from __future__ import annotations

from typing import Final

SECTORS: Final = ("NR", "ES", "ESMS", "PSL", "SOCIAL")
"""Administrative sector of the caller, as in the INSi statistics; NR is « non renseigné »."""

COULOIRS: Final = (
    "INCONNU",
    "HOPITAL",
    "MEDECINE_VILLE",
    "OFFICINE",
    "LABO_BIOLOGIE",
    "RADIOLOGIE",
    "MEDICO_SOCIAL",
    "AUTRE",
)

OUTCOMES: Final = ("UNKNOWN", "SUCCESS", "FAILURE", "PARTIAL")

AUTH_METHODS: Final = (
    "INCONNU",
    "CPS_CARD",
    "PSC_CPS",
    "PSC_ECPS",
    "PSC_FI_LOCAL",
    "MIE_ATTESTE",
    "PWD_OTP_SMS",
    "PWD_ONLY",
    "CERT_STRUCTURE",
)

NET_CLASSES: Final = ("NR", "REGION_ISP", "FR_OTHER", "FOREIGN", "HOSTING_VPN", "INTERNAL")

LIFECYCLES: Final = ("UNKNOWN", "ACTIVE", "WINDING_DOWN", "DECOMMISSIONED")
"""Where a service stands in its life on the day of an access."""

INS_STATUSES: Final = ("NR", "QUAL", "RECUP", "VALI", "PROV")
"""Statuts de confiance of an identity (RNIV), as a DMP deposit carries them."""

INSI_RESULTS: Final = ("R00", "R01", "R02", "VERIF_OK", "VERIF_KO", "FAULT", "OTHER")
"""Result codes of the INSi téléservice; any other `outcome_code` counts as OTHER."""

OUT_OF_REGION: Final = "HORS_REGION"

SECTOR_COULOIR_PAIRS: Final = (
    ("ES", "HOPITAL"),
    ("ESMS", "MEDICO_SOCIAL"),
    ("PSL", "MEDECINE_VILLE"),
    ("PSL", "OFFICINE"),
    ("PSL", "LABO_BIOLOGIE"),
    ("PSL", "RADIOLOGIE"),
    ("PSL", "AUTRE"),
    ("SOCIAL", "AUTRE"),
    ("NR", "INCONNU"),
)
"""The pairs that the field knows. An event of any other pair keeps its sector, with couloir INCONNU."""
