// A finding's own page: why, how its subject behaved, how it went, what to do about it.

import { accountPanel } from "/account.js";
import { behaviourChart, forget, hasCharts } from "/charts.js";
import { byId, make, setText, table } from "/dom.js";
import { clock, dayMonth, exact, moment, number, span, time } from "/format.js";
import { language, named, word } from "/language.js";
import { DETECTOR_NAMES, SEVERITY_NAMES, STATUS_NAMES } from "/names.js";
import { reasonList, relatedList, severityTag, whereOf } from "/feed.js";
import { leave } from "/session.js";
import { verdictPanel } from "/verdict.js";

const DAY_MS = 86_400_000;
const SERIES = ["observed", "unexplained", "expected", "high", "peers", "peers_high"];
const MEASURES = { patients: "behaviourPatients", events: "behaviourEvents", failures: "behaviourFailures" };
const WORD_OF = { peers_high: "peersHigh" };
let shown = { id: null, sign: null };

function panel(id, title, ...content) {
  const heading = make("h3", { id: `${id}-title` }, title);
  return make("section", { class: "panel", id, "aria-labelledby": heading.id }, heading, ...content);
}

function oddsText(log10) {
  if (log10 === null) return "–";
  const exponent = Math.floor(log10);
  const raised = [...String(exponent)].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("");
  return word("oddsOf", { times: exponent < 9 ? exact(10 ** exponent) : `10${raised}` });
}

function factsOf(finding) {
  const list = make("dl", { class: "facts" });
  const pairs = [
    [word("findingWindow"), `${moment(finding.window_start_ms)} – ${moment(finding.window_end_ms)}`],
    [word("openedAt"), finding.opened_at_ms === null ? "–" : moment(finding.opened_at_ms)],
    [word("detectedAt"), moment(finding.detected_at_ms)],
    [word("agreeing"), finding.detectors.map((name) => named(DETECTOR_NAMES, name)).join(", ")],
    [word("odds"), oddsText(finding.score_log10)],
  ];
  for (const [name, text] of pairs) list.append(make("dt", {}, name), make("dd", {}, text));
  return list;
}

function commandLine(label, command) {
  const button = make("button", { type: "button", class: "copy" }, word("copy"));
  button.setAttribute("aria-label", `${word("copy")}: ${command}`);
  button.addEventListener("click", async () => {
    await navigator.clipboard?.writeText(command);
    button.textContent = word("copied");
  });
  return make("div", { class: "command" }, make("p", {}, label), make("code", {}, command), button);
}

function present(history) {
  return SERIES.filter((name) => history.points.some((point) => point[name] !== null && point[name] !== undefined));
}

function label(name, history) {
  if (name === "expected" && history.measure !== "patients") return word("expectedFlow");
  return word(WORD_OF[name] ?? name);
}

const figure = (value) =>
  value === null || value === undefined ? "–" : number(value, { maximumFractionDigits: value < 10 ? 1 : 0 });
const stepSpan = (ms) => (ms === DAY_MS ? word("oneDay") : span(ms / 1000));
const stepName = (ms, history) => (history.step_ms >= DAY_MS ? dayMonth(ms) : `${dayMonth(ms)} ${clock(ms)}`);

function behaviour(finding, history) {
  const measure = word(MEASURES[history.measure] ?? "behaviourEvents", { span: stepSpan(history.step_ms) });
  const box = panel("behaviour", word("behaviour"));
  if (history.points.length === 0) {
    box.append(make("p", { class: "empty" }, word("noHistory")));
    return { box, draw: () => {} };
  }
  const names = present(history);
  const keys = make("ul", { class: "legend" });
  const values = new Map();
  for (const name of names) {
    const value = make("span", { class: "value" });
    values.set(name, value);
    keys.append(make("li", { "data-series": name }, make("span", { class: "key", "aria-hidden": "true" }), `${label(name, history)} `, value));
  }
  keys.append(make("li", { "data-series": "incident" }, make("span", { class: "key", "aria-hidden": "true" }), word("incident")));
  const at = make("span", { class: "value" });
  const note = make("p", { class: "note" }, `${measure} `, at);
  const rows = history.points.toReversed().map((point) => [stepName(point.start_ms, history), ...names.map((name) => figure(point[name]))]);
  const figures = make(
    "details",
    { class: "figures" },
    make("summary", {}, word("figures")),
    make(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-labelledby": "behaviour-title" },
      table(word("behaviour"), [word("start"), ...names.map((name) => label(name, history))], rows),
    ),
  );
  const chart = make("div", { class: "chart", id: "behaviour-chart", role: "img", "aria-label": measure });
  figures.open = !hasCharts();
  box.append(note, ...(hasCharts() ? [keys, chart] : []), figures);
  const tell = (index) => {
    const point = index === null ? null : history.points[index];
    setText(at, point ? `· ${stepName(point.start_ms, history)}` : "");
    for (const [name, value] of values) setText(value, point ? figure(point[name]) : "");
  };
  const incident = [finding.window_start_ms, finding.window_end_ms];
  return { box, draw: () => hasCharts() && behaviourChart(chart, history, incident, tell) };
}

function timeline(rows) {
  const cells = rows.toReversed().map((row) => [
    moment(row.at_ms),
    named(SEVERITY_NAMES, row.severity)[0],
    named(STATUS_NAMES, row.status),
    named(DETECTOR_NAMES, row.detector),
    exact(row.patients),
  ]);
  const names = ["when", "severity", "status", "detector", "patients"].map((key) => word(key));
  const made = table(word("timelineCaption"), names, cells);
  rows.toReversed().forEach((row, at) => (made.tBodies[0].rows[at].dataset.severity = row.severity));
  made.classList.add("timeline");
  return panel("timeline", word("timeline"), made);
}

function patients(finding) {
  if (finding.patients === null) return make("p", { class: "soft" }, word("patientsUnknown"));
  return make("p", { class: "patients" }, make("strong", {}, exact(finding.patients)), ` ${word("patientsTouched")}`);
}

/** The verdict's panel: the one that stands there, in the middle of what it asks, unless its finding moved on. */
function verdictOf(place, finding) {
  const { finding_id: id, status } = finding;
  const sign = `${id} ${status} ${language()}`;
  const old = place.querySelector(".verdict");
  if (old?.dataset.sign === sign) return old;
  const made = verdictPanel(finding);
  made.dataset.sign = sign;
  const told = old?.querySelector(".result");
  if (told?.textContent && old.dataset.sign.startsWith(`${id} `)) made.querySelector(".result").replaceWith(told);
  return made;
}

/** Whom it is about: what was shown stays as long as the finding is the same. */
function accountOf(place, { finding_id: id, patients: touched }) {
  if (touched === null) return null; // a flow is nobody
  const sign = `${id} ${language()}`;
  const old = place.querySelector(".account");
  const content = old?.dataset.sign === sign ? old : accountPanel(id);
  content.dataset.sign = sign;
  return panel("who", word("who"), content);
}

/** Puts the whole page together. */
function build(place, { finding, history, timeline: rows, related, can_judge: canJudge, can_unmask: canUnmask }) {
  const id = finding.finding_id;
  const title = make("h2", { id: "finding-title", tabindex: "-1" }, named(DETECTOR_NAMES, finding.detector));
  const state = make("span", { class: "state", id: "finding-status", "data-status": finding.status }, named(STATUS_NAMES, finding.status));
  const asks = named(SEVERITY_NAMES, finding.severity)[1];
  const header = make(
    "header",
    { class: "finding-head", "data-severity": finding.severity },
    make("p", { class: "back" }, make("a", { href: "#/constats" }, `← ${word("back")}`)),
    make("div", { class: "line" }, severityTag(finding.severity), title, state),
    make("p", { class: "soft" }, `${whereOf(finding)} · `, time(finding.opened_at_ms ?? finding.detected_at_ms), asks ? ` · ${asks}` : ""),
    patients(finding),
  );
  const chart = behaviour(finding, history);
  const verdict = canJudge ? verdictOf(place, finding) : make("p", { class: "soft" }, word("cannotJudge"));
  const commands = panel("commands", word("commands"), commandLine(word("commandShow"), `vigie findings show ${id} --unmask`));
  if (finding.patients !== null) {
    commands.append(commandLine(word("commandPatients"), `vigie findings patients ${id}`));
  }
  const others = related.length > 0 ? relatedList(related) : make("p", { class: "empty" }, word("noRelated"));
  const left = make("div", {}, panel("reasons", word("reasons"), reasonList(finding)), chart.box, timeline(rows));
  const right = make(
    "div",
    {},
    panel("judge", word("verdict"), verdict),
    canUnmask ? accountOf(place, finding) : null,
    panel("finding-facts", word("facts"), factsOf(finding)),
    commands,
    panel("related", word("related"), others),
  );
  const old = byId("behaviour-chart");
  if (old) forget(old);
  place.replaceChildren(header, make("div", { class: "columns finding-columns" }, left, right));
  chart.draw();
}

const say = (place, text) => place.replaceChildren(make("p", { class: "panel empty", role: "status" }, text));

/**
 * Shows a finding, or shows it anew when it changed; what the verdict panel just said stays.
 * @param {string} id
 * @param {number | null} version of the feed: a finding is read again when this moves
 * @param {boolean} isNew whether the reader just came here
 */
export async function showFinding(id, version, isNew) {
  const place = byId("view-constat");
  const sign = `${id} ${version} ${language()} ${hasCharts()}`;
  if (shown.sign === sign && !isNew) return;
  const before = shown;
  shown = { id, sign, revision: before.id === id ? before.revision : null, language: language() };
  if (before.id !== id) say(place, word("findingLoading"));
  let answer;
  try {
    answer = await fetch(`/api/findings/${encodeURIComponent(id)}`);
  } catch {
    answer = null;
  }
  if (shown.id !== id) return;
  if (answer?.status === 401) leave();
  if (answer === null || !answer.ok) {
    shown.sign = null;
    if (answer?.status === 404) shown.sign = sign;
    if (before.id !== id || answer?.status === 404) say(place, word(answer?.status === 404 ? "findingGone" : "findingFailed"));
    return;
  }
  const found = await answer.json();
  const isSame = before.id === id && before.revision === found.finding.revision && before.language === language();
  if (isSame && place.childElementCount > 1 && !isNew) return;
  const focused = place.contains(document.activeElement) ? document.activeElement : null;
  build(place, found);
  shown.revision = found.finding.revision;
  document.title = `${named(DETECTOR_NAMES, found.finding.detector)} · Vigie`;
  if (isNew) byId("finding-title").focus();
  else if (focused) (focused.isConnected ? focused : byId("finding-title")).focus({ preventScroll: true });
}
