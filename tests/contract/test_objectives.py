"""The shipped objectives are those of the region, with its figures, and its tables keep their sums."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

import pytest

from agents.objectives.declared import CATEGORIES
from agents.objectives.figures import Sight
from agents.objectives.loading import load_objectives
from agents.objectives.progress import evaluate
from agents.objectives.snapshots import Snapshots
from agents.objectives.usage_cells import UsageMonths
from agents.usages import HOPEN2_OBJECTIVES
from metrics.labels import OBJECTIVES_MAX
from streams.settings import Settings
from streams.vocabulary import COULOIRS

if TYPE_CHECKING:
    from agents.objectives.model import Objective

DEPARTMENTS = Settings().departments
LOADED = load_objectives("", DEPARTMENTS)
assert LOADED is not None
OBJECTIVES = LOADED.grounds.registry.objectives
TABLES = LOADED.grounds.references

END_2024, MAY_2025 = date(2024, 12, 31), date(2025, 5, 31)
END_2025, END_2026 = date(2025, 12, 31), date(2026, 12, 31)
# Every objective of the CRNS texts that has a number: ratio (lower end and ratio of a range), last day,
# line of the text.
WITH_A_NUMBER = {
    "mes_activation_2024": (0.30, END_2024, "S2:522"),
    "mes_activation_mai_2025": (0.30, MAY_2025, "S1:1017"),
    "mes_activation_2025": (0.40, END_2025, "S2:522"),
    "mes_activation_2026": (0.55, END_2026, "S2:1058"),
    "mes_sensibilisation": (1.0, MAY_2025, "S1:1018"),
    "mes_consultation_es": (0.40, MAY_2025, "S1:1019"),
    "es_accompagnement_usagers": (1.0, END_2026, "S2:1059"),
    "ms_mss_equipement": (0.60, MAY_2025, "S1:1020"),
    "dmp_alimentation_hopital": ((0.70, 0.90), END_2026, "S2:1063"),
    "dmp_alimentation_medecine_ville": ((0.70, 0.90), END_2026, "S2:1063"),
    "dmp_alimentation_officine": ((0.70, 0.90), END_2026, "S2:1063"),
    "dmp_alimentation_laboratoire": ((0.70, 0.90), END_2026, "S2:1063"),
    "dmp_alimentation_radiologie": ((0.70, 0.90), END_2026, "S2:1063"),
    "dmp_alimentation_medico_social": ((0.70, 0.90), END_2026, "S2:1063"),
    "esms_dmp": (0.50, END_2026, "S2:1064"),
    "ordonnances_prescrites": ((0.70, 0.75), END_2026, "S2:1065"),
    "ordonnances_delivrees": ((0.70, 0.75), END_2026, "S2:1065"),
    "pco_prise_en_main": (0.90, END_2026, "S2:1071"),
    "prado_viatrajectoire": (0.90, END_2026, "S2:1072"),
    "ror_qualite": (1.0, END_2026, "S2:1073"),
    "vigilans_eparcours": (1.0, END_2026, "S2:1077"),
    "cyber_exercice_es": (0.90, MAY_2025, "S1:990"),
    "cyber_exercice_esms_2025": (0.03, MAY_2025, "S1:991"),
    "cyber_exercice_esms_2026": (0.04, END_2026, "S2:1087"),
    "ssi_observatoire": (0.90, END_2026, "S2:1086"),
    "crrc_avancement": (0.95, END_2026, "S2:1088"),
    "parcours_patients": (1.0, MAY_2025, "S1:1099"),
}
WITHOUT_A_NUMBER = {
    "appli_carte_vitale",
    "esms_actifs_dmp",
    "ins_qualite_dmp",
    "ins_qualite_mss",
    "ins_taux_qualification",
    "acces_mot_de_passe",
    "hopen2_moyenne",
    "hopen2_taux_moyen",
    "laboratoires_dmp",
    "laboratoires_mss",
    "laboratoires_ins",
    "laboratoires_visites",
    "visites_medecins",
    "visites_officines",
    *(usage.lower() for usage in HOPEN2_OBJECTIVES),
}

every_objective = pytest.mark.parametrize("one", OBJECTIVES.values(), ids=list(OBJECTIVES))


@pytest.mark.parametrize(("name", "wanted"), WITH_A_NUMBER.items(), ids=list(WITH_A_NUMBER))
def test_an_objective_with_a_number_has_it_with_its_deadline_and_source(
    name: str, wanted: tuple[float | tuple[float, float], date, str]
) -> None:
    figure, deadline, line = wanted
    low, ratio = figure if isinstance(figure, tuple) else (None, figure)
    one = OBJECTIVES[name]
    assert one.target is not None
    assert (one.target.low_ratio, one.target.ratio, one.target.deadline) == (low, ratio, deadline)
    assert f"[{line}]" in one.citation


def test_there_is_no_other_objective() -> None:
    assert set(OBJECTIVES) == WITH_A_NUMBER.keys() | WITHOUT_A_NUMBER
    assert all(OBJECTIVES[name].target is None for name in WITHOUT_A_NUMBER)
    assert len(OBJECTIVES) <= OBJECTIVES_MAX


@every_objective
def test_every_objective_cites_its_text(one: Objective) -> None:
    assert re.search(r"CRNS \d\d/\d\d/\d{4}.*\[S[12]:\d+", one.citation)


@every_objective
def test_labels_are_short_and_in_both_languages(one: Objective) -> None:
    for text in (one.label_fr, one.label_en, one.numerator_fr, one.numerator_en):
        assert 3 <= len(text) <= 80
    assert one.label_fr != one.label_en


def test_what_was_replaced_leads_to_what_replaced_it() -> None:
    chain = {one.id: one.superseded_by for one in OBJECTIVES.values() if one.superseded_by}
    assert chain == {
        "mes_activation_2024": "mes_activation_2025",
        "mes_activation_mai_2025": "mes_activation_2025",
        "mes_activation_2025": "mes_activation_2026",
        "cyber_exercice_esms_2025": "cyber_exercice_esms_2026",
    }


def test_the_activation_of_mon_espace_sante_starts_at_18_percent_in_june_2024() -> None:
    for name in ("mes_activation_2024", "mes_activation_2025", "mes_activation_2026"):
        target = OBJECTIVES[name].target
        assert target is not None
        assert (target.baseline_ratio, target.baseline_on) == (0.18, date(2024, 6, 30))


def test_only_the_share_of_passwords_is_to_go_down() -> None:
    assert [one.id for one in OBJECTIVES.values() if one.at_most] == ["acces_mot_de_passe"]


def test_what_the_flows_can_measure_is_measured_there() -> None:
    live = {one.id for one in OBJECTIVES.values() if one.measure is not None}
    wanted = {name for name in OBJECTIVES if name.startswith(("dmp_alimentation", "ordonnances"))}
    wanted |= {usage.lower() for usage in HOPEN2_OBJECTIVES}
    wanted |= {"esms_dmp", "esms_actifs_dmp", "ms_mss_equipement", "hopen2_moyenne"}
    wanted |= {"ins_qualite_dmp", "ins_qualite_mss", "acces_mot_de_passe"}
    wanted |= {"laboratoires_dmp", "laboratoires_mss", "laboratoires_ins"}
    assert live == wanted


def test_every_couloir_that_deposits_has_its_own_objective() -> None:
    deposits = [
        one.measure.couloirs
        for one in OBJECTIVES.values()
        if one.measure is not None and one.id.startswith("dmp_alimentation")
    ]
    assert sorted(couloir for [couloir] in deposits) == sorted(set(COULOIRS) - {"INCONNU", "AUTRE"})


@pytest.mark.parametrize(("usage", "name"), [(u, u.lower()) for u in HOPEN2_OBJECTIVES])
def test_each_of_the_eight_objectives_of_hopen_2_is_seen_in_hospitals(
    usage: str, name: str
) -> None:
    measure = OBJECTIVES[name].measure
    assert measure is not None
    assert (measure.usages, measure.couloirs, measure.of_structures) == (
        (usage,),
        ("HOPITAL",),
        True,
    )


def test_the_tables_of_esms_agree_with_each_other() -> None:
    by_category = TABLES["esms"].by_column()
    assert by_category["TOTAL"] == 2471
    assert (by_category["PROGRAMME"], by_category["SONS"]) == (1663, 808)
    assert [by_category[name] for name in CATEGORIES] == [493, 1079, 651, 166, 54, 28]
    funded = TABLES["esms_financement"]
    assert {name: by_category[name] for name in CATEGORIES} == {
        name: count for name, count in funded.by_column().items() if name in CATEGORIES
    }
    assert funded.by_column("PROGRAMME")["TOTAL"] == by_category["PROGRAMME"]
    assert funded.by_column("SONS")["TOTAL"] == by_category["SONS"]
    assert TABLES["esms_restants"].by_column("RESTANT")["TOTAL"] == 1564
    by_department = TABLES["esms"].by_line(("TOTAL",))
    assert by_department == {"02": 269, "59": 1108, "60": 290, "62": 551, "80": 253}


def test_the_other_tables_have_their_stated_totals() -> None:
    cpam = TABLES["cpam"]
    assert len(cpam.cells) == 9
    assert (cpam.total(("MEDECINS",)), cpam.total(("OFFICINES",))) == (3490, 1888)
    hospitals = TABLES["hopitaux"].by_column()
    assert hospitals == {"STRUCTURES": 231, "CANDIDATS": 198, "REFUSES": 6, "ENGAGES": 190}
    national = TABLES["hopen2_national"]
    assert national.by_column("ELIGIBLES") == {"ETABLISSEMENTS": 2761, "OBJECTIFS": 16060}
    assert national.by_column("VALIDES") == {"ETABLISSEMENTS": 2197, "OBJECTIFS": 8340}
    assert TABLES["laboratoires"].by_column() == {"CIBLES": 215, "VISITES": 181}


def test_every_table_cites_its_text() -> None:
    assert all(re.search(r"\[S[12]:\d+", table.citation) for table in TABLES.values())


# As printed, in percent: doctors and pharmacies.
VISIT_RATES = {
    "AISNE": (76.36, 96.93),
    "FLANDRES": (78.14, 58.17),
    "LILLE_DOUAI": (54.29, 85.37),
    "ROUBAIX_TOURCOING": (71.69, 46.82),
    "HAINAUT": (73.33, 84.87),
    "OISE": (83.23, 92.96),
    "COTE_OPALE": (72.67, 83.78),
    "ARTOIS": (44.84, 49.31),
    "SOMME": (75.18, 80.11),
}


@pytest.mark.parametrize(("territory", "rates"), VISIT_RATES.items(), ids=list(VISIT_RATES))
def test_visits_are_the_one_whole_number_behind_each_printed_rate(
    territory: str, rates: tuple[float, float]
) -> None:
    row = TABLES["cpam"].cells[territory]
    pairs = (("MEDECINS_VISITES", "MEDECINS"), ("OFFICINES_VISITEES", "OFFICINES"))
    for (visited, of), rate in zip(pairs, rates, strict=True):
        fitting = [n for n in range(row[of] + 1) if abs(100 * n / row[of] - rate) <= 0.005 + 1e-9]
        assert fitting == [row[visited]]


def test_what_the_region_published_is_shown_before_anybody_declares_anything() -> None:
    assert LOADED is not None
    sight = Sight(
        grounds=LOADED.grounds,
        snapshots=Snapshots(LOADED.known),
        usage=UsageMonths.of({}),
        departments=DEPARTMENTS,
        small_cell_min=5,
        today=date(2025, 12, 1),
    )
    rows = {row.id: row for row in evaluate(sight)}
    assert rows["visites_medecins"].ratio == pytest.approx(0.6736, abs=5e-5)
    assert rows["visites_officines"].ratio == pytest.approx(0.7526, abs=5e-5)
    assert len(rows["visites_medecins"].parts) == len(VISIT_RATES)
    assert (rows["hopen2_taux_moyen"].ratio, rows["hopen2_taux_moyen"].denominator) == (0.66, 190)
    assert rows["laboratoires_visites"].ratio == 181 / 215
    assert rows["visites_medecins"].age_days == 13
    shown = [row.id for row in rows.values() if row.state not in {"NO_DATA", "NO_TARGET"}]
    assert shown == []
