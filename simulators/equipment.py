"""Networks and clients from which accounts reach the platforms: habits, with rare exceptions (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from simulators.events import code
from simulators.flows.telling import Draw, words_of
from simulators.pseudonyms import salt_of, uniform
from streams.topics import PLATFORM_ACCESSES
from streams.vocabulary import COULOIRS

if TYPE_CHECKING:
    from simulators.population import CodeArray, Int64Array, Population

# Numbers of networks: a structure's own, an account's home line, an account's telephone, passing ones.
_HOME_LINE: Final = 10_000_000
_TELEPHONE: Final = 20_000_000
_PASSING: Final = 30_000_000

_HOME_CLASSES: Final = {"REGION_ISP": 86.0, "FR_OTHER": 13.0, "HOSTING_VPN": 0.7, "FOREIGN": 0.3}
_PASSING_CLASSES: Final = {"FR_OTHER": 78.0, "REGION_ISP": 12.0, "FOREIGN": 5.0, "HOSTING_VPN": 5.0}
FROM_HOME_RATIO: Final = 0.12
"""Accounts that mostly work from their home line (assumption, as are the shares below)."""


@dataclass(frozen=True, slots=True, eq=False)
class Equipment:
    """Columns of n sessions: numbers of networks and clients, codes of classes and channels."""

    network: Int64Array
    net_class: CodeArray
    client: Int64Array
    channel: CodeArray


def equip(
    population: Population,
    account: Int64Array,
    structures: Int64Array,
    rng: np.random.Generator,
) -> Equipment:
    """What each session is opened with.

    Args:
        population: who acts.
        account: shape (n,), whose session each is.
        structures: shape (n,), where each session belongs.
        rng: the day's generator of the flow.
    """
    count = len(account)
    classes = words_of(PLATFORM_ACCESSES, "net_class")
    usual_home = uniform(account, salt_of(population.seed, "from home")) < FROM_HOME_RATIO
    number = rng.random(count)
    at_home = usual_home ^ (number < 0.05)
    on_telephone = (number >= 0.05) & (number < 0.09)
    passing = (number >= 0.09) & (number < 0.1)
    hospital = population.couloir[structures] == COULOIRS.index("HOPITAL")
    network = np.where(at_home, _HOME_LINE + account, structures)
    net_class = np.where(
        at_home,
        Draw(classes, _HOME_CLASSES)(uniform(account, salt_of(population.seed, "home line"))),
        np.where(
            hospital, np.uint8(classes.code("INTERNAL")), np.uint8(classes.code("REGION_ISP"))
        ),
    )
    network = np.where(on_telephone, _TELEPHONE + account, network)
    net_class = np.where(on_telephone, np.uint8(classes.code("FR_OTHER")), net_class)
    network = np.where(passing, _PASSING + rng.integers(0, 1_000_000, count), network)
    net_class = np.where(passing, Draw(classes, _PASSING_CLASSES)(rng.random(count)), net_class)
    machine = uniform(account, salt_of(population.seed, "machine")) < 0.02
    api = code(PLATFORM_ACCESSES, "access_channel", "API")
    return Equipment(
        network=network,
        net_class=net_class.astype(np.uint8),
        client=account * 4 + at_home + 2 * on_telephone,
        channel=np.where(machine, api, 0).astype(np.uint8),
    )
