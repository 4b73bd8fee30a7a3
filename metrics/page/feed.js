// The findings as a feed: each a link to a page of its own. Open ones first, as the server orders them.

import { byId, make, place, setText } from "/dom.js";
import { exact, moment, time } from "/format.js";
import { language, named, typeset, word } from "/language.js";
import { DETECTOR_NAMES, FLOW_NAMES, SECTOR_NAMES, SEVERITY_NAMES, STATUS_NAMES } from "/names.js";
import { openFindings } from "/summary.js";

const FIRST_FEW = 3;
const items = new Map();

export const isOpen = (finding) => finding.status === "OPEN" || finding.status === "CONFIRMED";
export const reasonsOf = (finding) =>
  language() === "en" && finding.reasons_en.length > 0 ? finding.reasons_en : finding.reasons.map(typeset);
const speaks = (finding) => (language() === "en" && finding.reasons_en.length > 0 ? "en" : "fr");

/** Where a finding lies, in words. */
export function whereOf(finding) {
  const sector = named(SECTOR_NAMES, finding.sector);
  return finding.flow === null ? sector : `${named(FLOW_NAMES, finding.flow)} · ${sector}`;
}

export function severityTag(severity) {
  const [name, asks] = named(SEVERITY_NAMES, severity);
  return make("span", { class: "severity", "data-severity": severity, title: asks }, name);
}

export const reasonList = (finding) =>
  make("ol", { class: "reasons", lang: speaks(finding) }, ...reasonsOf(finding).map((text) => make("li", {}, text)));

/** One finding as a line of a feed; the same element from state to state as long as nothing changes. */
function itemOf(finding, list) {
  const key = `${list} ${finding.finding_id}`;
  const sign = `${finding.revision} ${language()}`;
  const kept = items.get(key);
  if (kept?.dataset.sign === sign) return kept;
  const at = finding.opened_at_ms ?? finding.detected_at_ms;
  const title = make("a", { href: `#/constats/${encodeURIComponent(finding.finding_id)}` }, named(DETECTOR_NAMES, finding.detector));
  const line = make("div", { class: "line" }, severityTag(finding.severity), title);
  if (finding.status !== "OPEN") line.append(make("span", { class: "state" }, named(STATUS_NAMES, finding.status)));
  line.append(time(at));
  const facts = make("p", { class: "where" }, whereOf(finding));
  if (finding.patients !== null) {
    facts.append(" · ", make("strong", {}, word("patientsShort", { n: exact(finding.patients) })));
  }
  const why = make("p", { class: "why", lang: speaks(finding) }, reasonsOf(finding)[0] ?? "");
  const item = kept ?? make("li");
  const hadFocus = item.contains(document.activeElement);
  item.replaceChildren(line, facts, why);
  if (hadFocus) title.focus();
  Object.assign(item.dataset, { sign, severity: finding.severity, status: finding.status });
  items.set(key, item);
  return item;
}

function stateText(state, shown) {
  if (state.findings.version === null) return word("findingsElsewhere");
  const open = openFindings(state);
  if (open > 0) return word("openCount", { n: exact(open) });
  return word(shown === 0 ? "noFindings" : "noOpenFindings");
}

export function showFeed({ feed, state }) {
  const [open, closed] = [feed.findings.filter(isOpen), feed.findings.filter((one) => !isOpen(one))];
  place(byId("findings-open"), open.map((one) => itemOf(one, "open")));
  place(byId("findings-closed"), closed.map((one) => itemOf(one, "closed")));
  byId("closed-title").hidden = closed.length === 0;
  setText(byId("findings-state"), stateText(state, feed.findings.length));
  const first = open.slice(0, FIRST_FEW);
  place(byId("look-list"), first.map((one) => itemOf(one, "look")));
  setText(byId("look-state"), first.length > 0 ? "" : stateText(state, feed.findings.length));
  const known = new Set(feed.findings.map((one) => one.finding_id));
  for (const key of items.keys()) if (!known.has(key.split(" ")[1])) items.delete(key);
  const badge = byId("nav-open");
  const count = openFindings(state) ?? 0;
  badge.hidden = count === 0;
  setText(badge, exact(count));
}

/** Other findings as a short list of links. */
export function relatedList(findings) {
  const list = make("ul", { class: "related" });
  for (const one of findings) {
    const link = make("a", { href: `#/constats/${encodeURIComponent(one.finding_id)}` }, named(DETECTOR_NAMES, one.detector));
    const text = `${moment(one.opened_at_ms ?? one.detected_at_ms)} · ${named(STATUS_NAMES, one.status)}`;
    list.append(make("li", {}, severityTag(one.severity), link, make("span", { class: "soft" }, text)));
  }
  return list;
}
