// The region's objectives: value, what it should be today, target, deadline, age. Never a ratio alone.

import { byId, make, place, setText, table } from "/dom.js";
import { date, exact, share, span } from "/format.js";
import { language, named, typeset, word } from "/language.js";
import { COULOIR_NAMES, OBJECTIVE_STATES, PART_KINDS, THEME_NAMES } from "/names.js";
import { DEPARTMENTS } from "/departments.js";

const DAY_S = 86400;
const FILTERS = {
  all: () => true,
  off: (one) => one.state === "OFF_TRACK" || one.state === "MISSED",
  unknown: (one) => one.ratio === null,
};
let shown = null;

const known = (value) => value !== null && value !== undefined;
const inLanguage = (one, field) => (language() === "en" && one[`${field}_en`] ? one[`${field}_en`] : typeset(one[`${field}_fr`] ?? ""));

function targetText(one) {
  if (!known(one.target_ratio)) return "–";
  if (!known(one.target_low_ratio) || one.target_low_ratio === one.target_ratio) return share(one.target_ratio);
  return word("targetBetween", { low: share(one.target_low_ratio), high: share(one.target_ratio) });
}

/** A bar with its marks; the same figures stand beside it as text. */
function bullet(one) {
  const most = Math.max(1, one.ratio ?? 0, one.target_ratio ?? 0);
  const box = make("div", { class: "bullet", role: "img", "data-state": one.state });
  const figures = { value: share(one.ratio), required: share(one.required_ratio), target: targetText(one) };
  box.setAttribute("aria-label", word("bulletText", figures));
  const marks = [
    ["range", known(one.target_low_ratio) ? one.target_low_ratio : null],
    ["value", one.ratio],
    ["required", one.required_ratio],
    ["target", one.target_ratio],
  ];
  for (const [name, ratio] of marks) {
    if (!known(ratio)) continue;
    const mark = make("span", { class: name });
    mark.style.setProperty("--at", `${(100 * ratio) / most}%`);
    if (name === "range") mark.style.setProperty("--to", `${(100 * one.target_ratio) / most}%`);
    box.append(mark);
  }
  return box;
}

function ageText(one) {
  if (one.source === "live") return word("measured");
  if (!known(one.as_of)) return "–";
  const age = known(one.age_days) ? ` (${word("age", { span: span(one.age_days * DAY_S) })})` : "";
  return word("declared", { date: date(one.as_of) }) + age;
}

function deadlineText(one) {
  if (!known(one.deadline)) return "–";
  const days = Math.round((Date.parse(one.deadline) - Date.now()) / (DAY_S * 1000));
  const key = days >= 0 ? "deadlineIn" : "deadlinePast";
  return `${date(one.deadline)} (${word(key, { span: span(Math.abs(days) * DAY_S) })})`;
}

function partName({ kind, name }) {
  if (kind === "department") return DEPARTMENTS[name]?.[0] ?? name;
  return kind === "couloir" ? named(COULOIR_NAMES, name) : name;
}

function partsOf(one) {
  if (!one.parts?.length) return null;
  const kinds = [...new Set(one.parts.map((part) => part.kind))];
  const tables = kinds.map((kind) => {
    const rows = one.parts
      .filter((part) => part.kind === kind)
      .map((part) => [partName(part), exact(part.numerator), exact(part.denominator), share(part.ratio)]);
    const names = [named(PART_KINDS, kind), word("counted"), inLanguage(one, "denominator_label") || "–", word("value")];
    return table(`${inLanguage(one, "label")} – ${named(PART_KINDS, kind)}`, names, rows);
  });
  const details = make("details", { class: "figures", id: `parts-${one.id}` }, make("summary", {}, word("parts")), ...tables);
  details.open = byId(details.id)?.open ?? false;
  return details;
}

/** The figures, or in words why there are none. */
function standing(one) {
  if (one.state === "NO_DENOMINATOR") return [make("p", { class: "soft" }, word("noDenominatorText"))];
  if (!known(one.ratio)) return [make("p", { class: "soft" }, word("noDataText"))];
  const label = inLanguage(one, "denominator_label");
  const text = word("ofDenominator", { numerator: exact(one.numerator), denominator: exact(one.denominator), label });
  return [bullet(one), make("p", { class: "soft counted" }, text.trim())];
}

function itemOf(one) {
  const facts = make("dl", {});
  const pairs = [
    [word("required"), share(one.required_ratio)],
    [word("target"), targetText(one)],
    [word("deadline"), deadlineText(one)],
  ];
  for (const [name, text] of pairs) facts.append(make("div", {}, make("dt", {}, name), make("dd", {}, text)));
  const state = make("span", { class: "standing", "data-state": one.state }, named(OBJECTIVE_STATES, one.state));
  return make(
    "li",
    { class: "objective", id: `objective-${one.id}` },
    make("div", { class: "what" }, make("h4", {}, inLanguage(one, "label")), make("p", { class: "soft" }, ageText(one))),
    make("p", { class: "value" }, known(one.ratio) ? share(one.ratio) : "–"),
    make("div", { class: "progress" }, ...standing(one)),
    facts,
    state,
    partsOf(one),
  );
}

function themeOf(theme, objectives) {
  const id = `theme-${theme.replace(/\W+/g, "-")}`;
  const heading = make("h3", { id }, named(THEME_NAMES, theme));
  const list = make("ul", { class: "objectives" }, ...objectives.map(itemOf));
  return make("section", { "aria-labelledby": id, class: "theme" }, heading, list);
}

export const objectiveFilters = () => [
  ["all", word("allStates")],
  ["off", word("offStates")],
  ["unknown", word("unknownStates")],
];

export function showObjectives({ objectives, objectivesFailed, objectiveFilter }) {
  const state = byId("objectives-state");
  if (objectives === null) {
    setText(state, word(objectivesFailed ? "objectivesMissing" : "objectivesLoading"));
    return;
  }
  const sign = `${objectives.version} ${language()} ${objectiveFilter}`;
  if (sign === shown) return;
  shown = sign;
  const wanted = objectives.objectives.filter(FILTERS[objectiveFilter]);
  setText(state, wanted.length === 0 ? word("nothingHere") : "");
  const themes = Map.groupBy(wanted, (one) => one.theme);
  place(byId("objectives-list"), [...themes].map(([theme, own]) => themeOf(theme, own)));
}

