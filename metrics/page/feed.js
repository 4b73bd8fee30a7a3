// The findings: one line each, and why, unfolded on demand. Open ones first, as the server orders them.

import { byId, element } from "/dom.js";
import { DETECTOR_NAMES, FLOW_NAMES, SEVERITY_NAMES, STATUS_NAMES, WORDS } from "/words.js";

const lines = new Map();
let language = "fr";
let asked = decodeURIComponent(location.hash.slice(1));

const word = (key) => WORDS[language][key];
const named = (table, key) => {
  const name = table[key] ?? key;
  return typeof name === "string" ? name : name[language];
};
const figure = (value) => new Intl.NumberFormat(language, { maximumFractionDigits: 0 }).format(value);
const moment = (ms) =>
  new Intl.DateTimeFormat(language === "en" ? "en-GB" : "fr", { timeZone: "Europe/Paris", dateStyle: "short", timeStyle: "short" }).format(ms);

function oddsText(log10) {
  if (log10 === null) return "–";
  const exponent = Math.floor(log10);
  const times = exponent < 9 ? figure(10 ** exponent) : `10^${exponent}`;
  return word("oddsOf").replace("{times}", times);
}

function facts(pairs) {
  const list = element("dl", undefined, { class: "facts" });
  for (const [name, text] of pairs) list.append(element("dt", name), element("dd", text));
  return list;
}

function unfolded(finding) {
  const inside = element("div", undefined, { class: "why" });
  const translated = language === "en" && finding.reasons_en.length > 0;
  const reasons = element("ol", undefined, { lang: translated ? "en" : "fr" });
  for (const text of translated ? finding.reasons_en : finding.reasons) reasons.append(element("li", text));
  const agreeing = finding.detectors.map((name) => named(DETECTOR_NAMES, name)).join(", ");
  inside.append(
    reasons,
    facts([
      [word("findingWindow"), `${moment(finding.window_start_ms)} – ${moment(finding.window_end_ms)}`],
      [word("detectedAt"), moment(finding.detected_at_ms)],
      [word("odds"), oddsText(finding.score_log10)],
      [word("detectors"), agreeing],
      [word("command"), `vigie findings show ${finding.finding_id}`],
    ]),
  );
  return inside;
}

function summaryOf(finding) {
  const line = element("summary");
  const [name, asks] = named(SEVERITY_NAMES, finding.severity);
  line.append(element("span", name, { class: "severity", title: asks }));
  line.append(element("span", named(DETECTOR_NAMES, finding.detector), { class: "what" }));
  const flow = finding.flow === null ? "" : ` · ${named(FLOW_NAMES, finding.flow)}`;
  line.append(element("span", finding.sector + flow, { class: "where" }));
  if (finding.patients !== null) {
    line.append(element("span", word("touched").replace("{n}", figure(finding.patients))));
  }
  if (finding.status !== "OPEN") line.append(element("span", named(STATUS_NAMES, finding.status), { class: "state" }));
  const at = finding.opened_at_ms ?? finding.detected_at_ms;
  line.append(element("time", moment(at), { datetime: new Date(at).toISOString() }));
  return line;
}

// A line stays the same element from state to state, so that what is unfolded stays so.
function lineOf(finding) {
  const sign = `${finding.revision} ${language}`;
  const kept = lines.get(finding.finding_id);
  if (kept?.dataset.sign === sign) return kept;
  const line = kept ?? element("details", undefined, { id: `finding-${finding.finding_id}` });
  line.dataset.sign = sign;
  line.dataset.severity = finding.severity;
  line.dataset.status = finding.status;
  line.replaceChildren(summaryOf(finding), unfolded(finding));
  lines.set(finding.finding_id, line);
  return line;
}

function stateText(counts, shown) {
  if (counts.version === null) return word("findingsElsewhere");
  const open = Object.values(counts.open).reduce((total, n) => total + n, 0);
  if (open === 0) return word(shown === 0 ? "noFindings" : "noOpenFindings");
  return word("openCount").replace("{n}", figure(open));
}

// feed: what /api/findings answers; counts: the `findings` of the present state.
export function showFeed(feed, counts, chosenLanguage) {
  language = chosenLanguage;
  const list = byId("findings-list");
  const wanted = feed.findings.map(lineOf);
  const ids = new Set(feed.findings.map((finding) => finding.finding_id));
  for (const id of lines.keys()) if (!ids.has(id)) lines.delete(id);
  if (wanted.length !== list.children.length || wanted.some((line, at) => line !== list.children[at])) {
    list.replaceChildren(...wanted);
  }
  const text = stateText(counts, wanted.length);
  const state = byId("findings-state");
  if (state.textContent !== text) state.textContent = text;
  reveal();
}

// A link from an alert leads to its finding.
function reveal() {
  const line = asked.startsWith("finding-") ? byId(asked) : null;
  if (line === null) return;
  asked = "";
  line.open = true;
  line.scrollIntoView({ block: "center" });
  line.firstChild.focus();
}

window.addEventListener("hashchange", () => {
  asked = decodeURIComponent(location.hash.slice(1));
  reveal();
});
