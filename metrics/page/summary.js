// In short: six figures that a stranger understands, each with what it means.

import { byId, make, setText } from "/dom.js";
import { compact, exact, rate, span } from "/format.js";
import { named, word } from "/language.js";
import { FLOW_SHORT, SEVERITY_NAMES } from "/names.js";

const SEVEREST_FIRST = ["CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN"];
const HELD = new Set(["REACHED", "ON_TRACK"]);
const OFF = new Set(["OFF_TRACK", "MISSED"]);

export const sum = (values) => values.reduce((total, value) => total + value, 0);
export const flowRate = (flow, window) => sum(Object.values(flow.sectors).map((sector) => sector.rates[window]));
export const windowText = (name) => name.replace("m", "\u00a0min").replace("h", "\u00a0h");
export const silenceS = (part, nowMs) => (part.newest_ms === null ? null : (nowMs - part.newest_ms) / 1000);

export function openFindings(state) {
  const counts = Object.values(state.findings.open);
  return counts.length ? sum(counts) : null;
}

function findingsFact(state) {
  const open = openFindings(state);
  const worst = SEVEREST_FIRST.find((severity) => state.findings.open[severity] > 0);
  const note = worst ? word("mostUrgent", { severity: named(SEVERITY_NAMES, worst)[0].toLowerCase() }) : word("nothingOpen");
  return { key: "openFindings", text: exact(open), note: open === null ? "" : note, tone: worst ? "alert" : "", to: "#/constats" };
}

function objectivesFact(objectives) {
  if (objectives === null) return { key: "objectivesHeld", text: "–", note: "", to: "#/objectifs" };
  const present = objectives.objectives.filter((one) => !one.superseded_by);
  const states = present.map((one) => one.state);
  const judged = states.filter((state) => HELD.has(state) || OFF.has(state));
  const off = judged.filter((state) => OFF.has(state)).length;
  const note = off > 0 ? word("objectivesOff", { n: exact(off) }) : word("objectivesFine");
  const text = `${exact(judged.length - off)}\u202f/\u202f${exact(judged.length)}`;
  return { key: "objectivesHeld", text: judged.length ? text : "–", note: judged.length ? note : "", to: "#/objectifs" };
}

function silenceFact(state) {
  const known = state.flows.filter((flow) => flow.newest_ms !== null);
  if (known.length === 0) return { key: "oldestDelay", text: "–", note: "" };
  const quietest = known.reduce((one, other) => (other.newest_ms < one.newest_ms ? other : one));
  return {
    key: "oldestDelay",
    text: span(silenceS(quietest, state.now_ms)),
    note: word("delayNote", { flow: named(FLOW_SHORT, quietest.flow) }),
  };
}

export function showSummary({ state, tempo, objectives, window }) {
  const lags = state.flows.map((flow) => flow.lag).filter((lag) => lag !== null);
  const days = tempo === null ? [] : Object.values(tempo.today).filter((count) => count !== null);
  const total = sum(state.flows.map((flow) => flowRate(flow, window)));
  const facts = [
    findingsFact(state),
    { key: "totalRate", text: rate(total), note: word("overWindow", { window: windowText(window) }) },
    { key: "eventsToday", text: days.length ? exact(sum(days)) : "–", note: word("sinceMidnight") },
    objectivesFact(objectives),
    { key: "totalLag", text: lags.length ? compact(sum(lags)) : "–", note: word("lagNote"), to: "#/technique" },
    silenceFact(state),
  ];
  const list = byId("summary");
  while (list.children.length < facts.length) {
    list.append(make("div", {}, make("dt"), make("dd", { class: "figure" }), make("dd", { class: "note" })));
  }
  facts.forEach(({ key, text, note, tone = "", to }, at) => {
    const [name, value, remark] = list.children[at].children;
    if (to && !name.firstElementChild) name.append(make("a", { href: to }));
    setText(name.firstElementChild ?? name, word(key));
    setText(value, text);
    setText(remark, note);
    list.children[at].dataset.tone = tone;
  });
}
