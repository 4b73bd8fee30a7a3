"""The account detectors by name; the name is the module's, and a finding carries it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from agents.detectors import decoys, enumeration, identity_only, slow_change, tail, takeover

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

ACCOUNT_DETECTORS: Final[Mapping[str, ModuleType]] = MappingProxyType(
    {
        "tail": tail,
        "slow_change": slow_change,
        "enumeration": enumeration,
        "identity_only": identity_only,
        "takeover": takeover,
        "decoys": decoys,
    }
)

Evidence = (
    tail.Evidence
    | slow_change.Evidence
    | enumeration.Evidence
    | identity_only.Evidence
    | takeover.Evidence
    | decoys.Evidence
)
