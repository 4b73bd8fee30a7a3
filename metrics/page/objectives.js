// The region's objectives: value, what it should be today, target, deadline, age. Never a ratio alone.

import { byId, make, place, setText, table } from "/dom.js";
import { date, exact, share, span } from "/format.js";
import { language, named, typeset, word } from "/language.js";
import { COULOIR_NAMES, OBJECTIVE_STATES, PART_KINDS, THEME_NAMES } from "/names.js";
import { DEPARTMENTS } from "/departments.js";

const DAY_S = 86400;
const known = (value) => value !== null && value !== undefined;
const FILTERS = {
  all: () => true,
  off: (one) => (one.state === "OFF_TRACK" || one.state === "MISSED") && !known(one.superseded_by),
  unknown: (one) => one.ratio === null && !known(one.superseded_by),
};
let shown = null;

const inLanguage = (one, field) => (language() === "en" && one[`${field}_en`] ? one[`${field}_en`] : typeset(one[`${field}_fr`] ?? ""));

function targetText(one) {
  if (!known(one.target_ratio)) return "–";
  if (one.direction === "at_most") return word("targetAtMost", { most: share(one.target_ratio) });
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

function deadlineText(one, nowMs) {
  if (!known(one.deadline)) return "–";
  const days = Math.ceil((Date.parse(one.deadline) - nowMs) / (DAY_S * 1000));
  const key = days >= 0 ? "deadlineIn" : "deadlinePast";
  return `${date(one.deadline)} (${word(key, { span: span(Math.abs(days) * DAY_S) })})`;
}

function partName({ kind, name }) {
  if (kind === "department") return DEPARTMENTS[name]?.[0] ?? name;
  return kind === "couloir" ? named(COULOIR_NAMES, name) : name;
}

/** Parts and source, unfolded on demand; what is unfolded stays so. */
function detailsOf(one) {
  const kinds = [...new Set(one.parts.map((part) => part.kind))];
  const tables = kinds.map((kind) => {
    const rows = one.parts
      .filter((part) => part.kind === kind)
      .map((part) => [partName(part), exact(part.numerator), exact(part.denominator), share(part.ratio)]);
    const labels = ["numerator_label", "denominator_label"].map((field) => inLanguage(one, field));
    return table(`${inLanguage(one, "label")} – ${named(PART_KINDS, kind)}`, [named(PART_KINDS, kind), ...labels, word("value")], rows);
  });
  const source = one.citation ? make("p", { class: "soft" }, `${word("source", { text: one.citation })}`) : null;
  const details = make("details", { class: "figures", id: `parts-${one.id}` }, make("summary", {}, ageText(one)), ...tables, source);
  details.open = byId(details.id)?.open ?? false;
  return details;
}

/** The figures, or in words why there are none. */
function standing(one) {
  const [numerator, denominator] = [exact(one.numerator), exact(one.denominator)];
  const [counted, all] = [inLanguage(one, "numerator_label"), inLanguage(one, "denominator_label")];
  if (known(one.ratio)) {
    const text = known(one.numerator)
      ? word("countedOf", { label: counted, numerator, denominator })
      : word("countedAlone", { label: all, numerator: denominator });
    return [bullet(one), make("p", { class: "soft" }, text)];
  }
  if (one.state !== "NO_DENOMINATOR") return [make("p", { class: "soft" }, word("noDataText"))];
  const found = known(one.numerator) ? [make("p", {}, word("countedAlone", { label: counted, numerator }))] : [];
  return [...found, make("p", { class: "soft" }, word("noDenominatorText", { label: all }))];
}

function itemOf(one, nowMs) {
  const facts = make("dl", {});
  const pairs = [
    ["required", known(one.ratio) ? share(one.required_ratio) : "–"],
    ["target", targetText(one)],
    ["deadline", deadlineText(one, nowMs)],
  ].filter(([, text]) => text !== share(null));
  for (const [key, text] of pairs) {
    facts.append(make("div", { "data-fact": key }, make("dt", {}, word(key)), make("dd", {}, text)));
  }
  const state = make("span", { class: "standing", "data-state": one.state }, named(OBJECTIVE_STATES, one.state));
  return make(
    "li",
    { class: "objective", id: `objective-${one.id}` },
    make("h4", {}, inLanguage(one, "label")),
    make("p", { class: "value" }, known(one.ratio) ? share(one.ratio) : "–"),
    make("div", { class: "progress" }, ...standing(one)),
    facts,
    state,
    detailsOf(one),
  );
}

const isQuiet = (one) => one.state === "NO_DATA" || known(one.superseded_by);

/** A theme: what is measured first; what has no data, or was replaced, folded below. */
function themeOf(theme, objectives, unfold, nowMs) {
  const item = (one) => itemOf(one, nowMs);
  const id = `theme-${theme.replace(/\W+/g, "-")}`;
  const heading = make("h3", { id }, named(THEME_NAMES, theme));
  const loud = unfold ? objectives : objectives.filter((one) => !isQuiet(one));
  const quiet = objectives.filter((one) => !loud.includes(one));
  const made = make("section", { "aria-labelledby": id, class: "theme" }, heading);
  if (loud.length > 0) made.append(make("ul", { class: "objectives" }, ...loud.map(item)));
  if (quiet.length > 0) {
    const summary = make("summary", {}, word("quiet", { n: exact(quiet.length) }));
    const folded = make("details", { class: "figures", id: `quiet-${id}` }, summary, make("ul", { class: "objectives" }, ...quiet.map(item)));
    folded.open = byId(folded.id)?.open ?? false;
    made.append(folded);
  }
  return made;
}

export const objectiveFilters = () => [
  ["all", word("allStates")],
  ["off", word("offStates")],
  ["unknown", word("unknownStates")],
];

export function showObjectives(app) {
  const { objectives, objectivesFailed, objectiveFilter } = app;
  const state = byId("objectives-state");
  if (objectives === null) {
    setText(state, word(objectivesFailed ? "objectivesMissing" : "objectivesLoading"));
    return;
  }
  if (objectives.version === null) {
    setText(state, word("objectivesElsewhere"));
    return;
  }
  const sign = `${objectives.version} ${language()} ${objectiveFilter}`;
  if (sign === shown) return;
  shown = sign;
  const wanted = objectives.objectives.filter(FILTERS[objectiveFilter]);
  setText(state, wanted.length === 0 ? word("nothingHere") : "");
  const themes = Map.groupBy(wanted, (one) => one.theme);
  place(byId("objectives-list"), [...themes].map(([theme, own]) => themeOf(theme, own, objectiveFilter !== "all", app.state.now_ms)));
}

