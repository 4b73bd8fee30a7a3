"""Accesses to the regional platforms: sessions of accounts that look at their patients (pure).

An account works on some days, opens one to three sessions, and in each searches and reads its
patients one after the other. Most of them are patients whom its structure has met lately; that is the
care relation which a stolen account lacks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from simulators import volumes
from simulators.calendar import LocalDay, day_weights, month_index
from simulators.day import MEMORY_DAYS, Care, CareDays, rng_of
from simulators.equipment import equip
from simulators.events import NO_ENTITY, NULL, NULL_FLAG, OUTCOMES, PLATFORMS, Events, code
from simulators.flows.platform_accounts import PlatformAccounts, lifecycle, predice_ratio
from simulators.flows.telling import Draw, Told, habits, tell, words_of
from simulators.patients import directory_position, patient_at
from streams.event_time import SECOND_MS
from streams.topics import PLATFORM_ACCESSES

if TYPE_CHECKING:
    from datetime import date

    from simulators.population import CodeArray, Int64Array, Population

BoolArray = npt.NDArray[np.bool_]

KNOWN_RATIO: Final = 0.925
"""Patients whom an account's structure has met lately; some of those meetings left no event, so that
about 85 % of accesses show an earlier one (the detection reference assumes 15 % without)."""
NEIGHBOUR_RATIO: Final = 0.004
"""Accesses to the next name in the directory: relatives, namesakes (assumption)."""
RECALLS: Final = 3
"""Days that are tried for a patient whom the structure has met, before its panel is asked."""
WORKING_DAY_PERCENT: Final = 17.0
"""Weight of a working day in its week, in the unit of the calendar's day weights."""

_OFFICE_READS: Final = {"READ_IDENTITY": 45.0, "READ_RECORD": 40.0, "WRITE": 15.0}
_CARE_READS: Final = {
    "READ_IDENTITY": 10.0,
    "READ_RECORD": 52.0,
    "READ_DOCUMENT": 30.0,
    "WRITE": 7.5,
    "EXPORT": 0.5,
}
_SCOPES: Final = {
    "READ_IDENTITY": "IDENTITY_ONLY",
    "SEARCH_PATIENT": "ADMINISTRATIVE",
    "READ_RECORD": "CLINICAL",
    "READ_DOCUMENT": "CLINICAL",
    "WRITE": "CLINICAL",
    "EXPORT": "CLINICAL",
}
SCOPE_CODES: Final = np.array(
    [
        code(PLATFORM_ACCESSES, "resource_scope", _SCOPES.get(action, "UNKNOWN"))
        for action in words_of(PLATFORM_ACCESSES, "action").words
    ],
    np.uint8,
)


@dataclass(frozen=True, slots=True, eq=False)
class _Sessions:
    """The day's n sessions.

    Attributes:
        member: shape (n,), positions in the platform accounts.
        structure: shape (n,).
        start_ms: shape (n,).
        patients: shape (n,), how many are looked at.
        number: shape (n,), the session as an entity.
    """

    member: Int64Array
    structure: Int64Array
    start_ms: Int64Array
    patients: Int64Array
    number: Int64Array


@dataclass(frozen=True, slots=True, eq=False)
class _Looks:
    """The day's n looks at a patient, session after session.

    Attributes:
        session: shape (n,), positions in the sessions.
        patient: shape (n,).
        is_known: shape (n,), whether the structure has met the patient lately.
    """

    session: Int64Array
    patient: Int64Array
    is_known: BoolArray


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """The day's n acts, session after session, in their order.

    Attributes:
        session: shape (n,), positions in the sessions.
        look: shape (n,), positions in the looks; -1 for acts without a patient.
        action: shape (n,), codes.
    """

    session: Int64Array
    look: Int64Array
    action: CodeArray


class PlatformFlow:
    """Tells the accesses of successive days.

    Args:
        population: who acts.
    """

    def __init__(self, population: Population) -> None:
        self.population = population
        self.accounts = PlatformAccounts(population)

    def accesses(self, care: Care, days: CareDays) -> Events:
        """The accesses of the day that `days` has just lived through."""
        rng = rng_of(self.population.seed, PLATFORM_ACCESSES, care.ordinal)
        sessions = self._sessions(care.local, rng)
        looks = self._looks(sessions, care, days, rng)
        steps = self._steps(sessions, looks, rng)
        return self._events(care.local, sessions, looks, steps, rng=rng)

    def _sessions(self, local: LocalDay, rng: np.random.Generator) -> _Sessions:
        accounts, population = self.accounts, self.population
        month = day_weights(month_index(local.day))
        today = month[accounts.couloir.astype(np.int64), local.day.day - 1] / WORKING_DAY_PERCENT
        chance = np.minimum(accounts.presence * today, 0.98)
        works = np.flatnonzero(rng.random(len(chance)) < chance)
        noise = np.exp(volumes.PLATFORM_SIGMA_WITHIN * rng.standard_normal(len(works)))
        load = np.clip(np.rint(accounts.level[works] * noise), 1, 400).astype(np.int64)
        times = 1 + (load > 12) + (load > 40)
        member, load, parts = (np.repeat(a, times) for a in (works, load, times))
        part = np.arange(len(member)) - np.repeat(np.cumsum(times) - times, times)
        account = accounts.account[member]
        second = population.second[account]
        away = (second >= 0) & (rng.random(len(member)) < 0.25)
        within = 0.3 * population.rhythm[account] + 0.7 * rng.random(len(member))
        return _Sessions(
            member=member,
            structure=np.where(away, second, population.home[account]),
            start_ms=local.times_ms(accounts.couloir[member], within),
            patients=load // parts + (part < load % parts),
            number=(local.day.toordinal() << 28) + (account << 4) + part,
        )

    def _looks(
        self, sessions: _Sessions, care: Care, days: CareDays, rng: np.random.Generator
    ) -> _Looks:
        session = np.repeat(np.arange(len(sessions.member)), sessions.patients)
        count, structure = len(session), sessions.structure[session]
        is_known = rng.random(count) < KNOWN_RATIO
        patient = np.full(count, NO_ENTITY, np.int64)
        for _ in range(RECALLS):
            missing = np.flatnonzero(is_known & (patient == NO_ENTITY))
            ago = np.minimum(rng.exponential(3.0, len(missing)), MEMORY_DAYS - 2).astype(np.int64)
            patient[missing] = days.remembered(
                structure[missing], 1 + ago, rng.random(len(missing))
            )
        missing = np.flatnonzero(is_known & (patient == NO_ENTITY))
        patient[missing] = days.panels.pick(
            structure[missing], care.ordinal - 1, rng.random(len(missing))
        )
        strangers = np.flatnonzero(~is_known)
        patient[strangers] = days.panels.someone(
            structure[strangers], rng.integers(1 << 36, 1 << 39, len(strangers))
        )
        beside = 1 + np.flatnonzero(rng.random(max(count - 1, 0)) < NEIGHBOUR_RATIO)
        patient[beside] = patient_at(directory_position(patient[beside - 1]) + 1)
        is_known[beside] = False
        return _Looks(session, patient, is_known)

    def _steps(self, sessions: _Sessions, looks: _Looks, rng: np.random.Generator) -> _Steps:
        actions = words_of(PLATFORM_ACCESSES, "action")
        session, opened = looks.session, np.arange(len(sessions.member))
        look = np.arange(len(session))
        office = self.accounts.is_office[sessions.member[session]]
        number = rng.random(len(look))
        read = np.where(
            office, Draw(actions, _OFFICE_READS)(number), Draw(actions, _CARE_READS)(number)
        )
        again = Draw(actions, _CARE_READS)(rng.random(len(look)))
        searched = look[rng.random(len(look)) < 0.6]
        twice = look[rng.random(len(look)) < 0.35]
        fails = opened[rng.random(len(opened)) < 0.03]
        closes = opened[rng.random(len(opened)) < 0.6]

        def same(rows: Int64Array, word: str) -> CodeArray:
            return np.full(len(rows), actions.code(word), np.uint8)

        def none(rows: Int64Array) -> Int64Array:
            return np.full(len(rows), -1, np.int64)

        # Session, look, place within the session, action. Places of looks are their positions.
        parts: tuple[tuple[Int64Array, Int64Array, float, CodeArray], ...] = (
            (fails, none(fails), -2.0, same(fails, "LOGIN_FAIL")),
            (opened, none(opened), -1.0, same(opened, "LOGIN_OK")),
            (session[searched], searched, 0.0, same(searched, "SEARCH_PATIENT")),
            (session, look, 0.25, read),
            (session[twice], twice, 0.5, again[twice]),
            (closes, none(closes), float(len(look) + 1), same(closes, "LOGOUT")),
        )
        of_session = np.concatenate([part[0] for part in parts])
        of_look = np.concatenate([part[1] for part in parts])
        place = np.concatenate([np.maximum(part[1], 0) + part[2] for part in parts])
        action = np.concatenate([part[3] for part in parts])
        order = np.lexsort((place, of_session))
        return _Steps(of_session[order], of_look[order], action[order])

    def _events(
        self,
        local: LocalDay,
        sessions: _Sessions,
        looks: _Looks,
        steps: _Steps,
        *,
        rng: np.random.Generator,
    ) -> Events:
        population, count = self.population, len(steps.action)
        actions = words_of(PLATFORM_ACCESSES, "action")
        session = steps.session
        account = self.accounts.account[sessions.member]
        searches = steps.action == actions.code("SEARCH_PATIENT")
        fails = steps.action == actions.code("LOGIN_FAIL")
        reads = (steps.look >= 0) & ~searches
        patient = np.full(count, NO_ENTITY, np.int64)
        patient[reads] = looks.patient[steps.look[reads]]
        is_known = np.zeros(count, np.bool_)
        is_known[reads] = looks.is_known[steps.look[reads]]
        broken = reads & (rng.random(count) < 0.008)
        outcome_code = np.zeros(count, np.uint8)
        outcome_code[fails] = code(PLATFORM_ACCESSES, "outcome_code", "BAD_CREDENTIALS")
        outcome_code[broken] = code(PLATFORM_ACCESSES, "outcome_code", "TECHNICAL_ERROR")
        auth = habits(population, PLATFORM_ACCESSES, account, rng)
        platform = self._platforms(local.day, sessions, rng)[session]
        used = equip(population, account, sessions.structure, rng)
        told = Told(
            structure=sessions.structure[session],
            account=account[session],
            patient=patient,
            occurred_ms=sessions.start_ms[session] + _elapsed_ms(session, rng),
            auth=auth[session],
            outcome=np.where(
                fails | broken, OUTCOMES.code("FAILURE"), OUTCOMES.code("SUCCESS")
            ).astype(np.uint8),
            outcome_code=outcome_code,
        )
        own = {
            "platform": platform,
            "action": steps.action,
            "resource_scope": SCOPE_CODES[steps.action],
            "access_channel": used.channel[session],
            "result_count": np.where(searches, rng.geometric(0.45, count), NULL),
            "care_context": care_context(reads, is_known, rng),
            "directory_step": directory_steps(told.account, patient, reads),
            "session_pid": sessions.number[session],
            "net_pid": used.network[session],
            "client_pid": used.client[session],
            "net_class": used.net_class[session],
            "service_lifecycle": lifecycle(platform, local.day),
        }
        return tell(population, local, PLATFORM_ACCESSES, told, own, rng=rng)

    def _platforms(self, day: date, sessions: _Sessions, rng: np.random.Generator) -> CodeArray:
        main = self.accounts.main[sessions.member]
        moved = (main == PLATFORMS.code("PREDICE")) & (rng.random(len(main)) >= predice_ratio(day))
        other = np.where(
            rng.random(len(main)) < 0.6,
            PLATFORMS.code("VIATRAJECTOIRE"),
            PLATFORMS.code("PORTAIL_REGIONAL"),
        )
        return np.where(moved, other, main).astype(np.uint8)


def _elapsed_ms(session: Int64Array, rng: np.random.Generator) -> Int64Array:
    """Time since each session's first act: some seconds between one act and the next."""
    gaps = (2.0 * SECOND_MS + rng.exponential(22.0 * SECOND_MS, len(session))).astype(np.int64)
    elapsed = np.cumsum(gaps)
    # Every session has acts, and they lie together: its first one is where its number begins.
    first = np.searchsorted(session, session)
    since: Int64Array = elapsed - elapsed[first]
    return since


def care_context(reads: BoolArray, is_known: BoolArray, rng: np.random.Generator) -> CodeArray:
    """What the platform itself knows of an open episode: often, not always (assumption)."""
    number = rng.random(len(reads))
    known = np.where(number < 0.88, 1, np.where(number < 0.97, NULL_FLAG, 0))
    unknown = np.where(number < 0.25, 1, np.where(number < 0.6, NULL_FLAG, 0))
    return np.where(reads, np.where(is_known, known, unknown), NULL_FLAG).astype(np.uint8)


def directory_steps(account: Int64Array, patient: Int64Array, reads: BoolArray) -> Int64Array:
    """Signed distance in the directory from the account's previous record of the day; else null."""
    steps = np.full(len(account), NULL, np.int64)
    rows = np.flatnonzero(reads)
    position = directory_position(patient[rows])
    same = account[rows][1:] == account[rows][:-1]
    steps[rows[1:]] = np.where(same, position[1:] - position[:-1], NULL)
    return steps
