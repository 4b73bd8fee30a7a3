"""Flows, sectors, couloirs and means of authentication as people call them (pure data)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streams import topics
from streams.vocabulary import AUTH_METHODS, LIFECYCLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agents.findings import Figure

_FLOWS: Final = {
    topics.DMP_DEPOSITS: ("dépôts DMP", "DMP deposits"),
    topics.MSS_MESSAGES: ("messages MSSanté", "MSSanté messages"),
    topics.INSI_CALLS: ("appels INSi", "INSi calls"),
    topics.EPRESCRIPTIONS: ("ordonnances numériques", "e-prescriptions"),
    topics.PLATFORM_ACCESSES: ("accès aux plateformes", "platform accesses"),
}

_COULOIRS: Final = {
    "INCONNU": ("couloir inconnu", "unknown couloir"),
    "HOPITAL": ("hôpital", "hospitals"),
    "MEDECINE_VILLE": ("médecine de ville", "town practices"),
    "OFFICINE": ("officines", "pharmacies"),
    "LABO_BIOLOGIE": ("laboratoires de biologie", "medical laboratories"),
    "RADIOLOGIE": ("radiologie", "radiology"),
    "MEDICO_SOCIAL": ("médico-social", "medico-social care"),
    "AUTRE": ("autres", "others"),
}

_AUTH: Final = {
    "INCONNU": ("moyen inconnu", "unknown means"),
    "CPS_CARD": ("carte CPS", "CPS card"),
    "PSC_CPS": ("Pro Santé Connect par carte", "Pro Santé Connect by card"),
    "PSC_ECPS": ("Pro Santé Connect par e-CPS", "Pro Santé Connect by e-CPS"),
    "PSC_FI_LOCAL": ("Pro Santé Connect local", "local Pro Santé Connect"),
    "MIE_ATTESTE": ("moyen d'identification attesté", "certified means of identification"),
    "PWD_OTP_SMS": ("mot de passe et code SMS", "password and SMS code"),
    "PWD_ONLY": ("mot de passe seul", "password alone"),
    "CERT_STRUCTURE": ("certificat de structure", "certificate of the structure"),
}

_LIFECYCLES: Final = {
    "UNKNOWN": ("dont on ignore l'état", "of unknown state"),
    "ACTIVE": ("en service", "in service"),
    "WINDING_DOWN": ("en cours d'arrêt", "winding down"),
    "DECOMMISSIONED": ("arrêté", "switched off"),
}

_BOX: Final = "BAL_"
_ALL: Final = "*"


def place_of(figures: Mapping[str, Figure]) -> tuple[str, str]:
    """What part of the region the figures of a flow are about, in French and English."""
    flow, sector, couloir = (str(figures.get(name, _ALL)) for name in ("flow", "sector", "couloir"))
    words = [_FLOWS.get(flow, (flow, flow)) if flow != _ALL else ("tous les flux", "all flows")]
    if couloir.startswith(_BOX):
        box = couloir.removeprefix(_BOX)
        words.append((f"boîtes {box}", f"{box} boxes"))
    elif couloir != _ALL:
        words.append(_COULOIRS.get(couloir, (couloir, couloir)))
    if sector != _ALL:
        words.append((f"secteur {sector}", f"sector {sector}"))
    return ", ".join(one[0] for one in words), ", ".join(one[1] for one in words)


def is_whole(figures: Mapping[str, Figure]) -> bool:
    """Whether the figures of a flow are about all of it."""
    return figures.get("sector") == _ALL and figures.get("couloir") == _ALL


def auth_words(code: Figure) -> tuple[str, str]:
    """A means of authentication by its position in `AUTH_METHODS`."""
    return _AUTH[_named(AUTH_METHODS, code)]


def lifecycle_words(code: Figure) -> tuple[str, str]:
    """The state of a service by its position in `LIFECYCLES`."""
    return _LIFECYCLES[_named(LIFECYCLES, code)]


def _named(names: tuple[str, ...], code: Figure) -> str:
    return names[code] if isinstance(code, int) and 0 <= code < len(names) else names[0]
