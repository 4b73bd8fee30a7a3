// The live page: one stream of states in, text and bars out. Nothing is kept beyond this tab.

import { byId, element, fill, head } from "/dom.js";
import { showFeed } from "/feed.js";
import { CODE_NAMES, FLOW_NAMES, WORDS } from "/words.js";

const STALE_MS = 5000;
const TREND_POINTS = 180;
const TREND_POINTS_MIN = 30;
const SVG = "http://www.w3.org/2000/svg";

const trends = new Map();
let language = remembered("vigie-language") === "en" ? "en" : "fr";
let chosenWindow = "1m";
let chosenPeriod = "month";
let paused = false;
let state = null;
let heardAt = 0;
let broken = false;

function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage is switched off in this browser
  }
}

function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // the choice lasts as long as the tab
  }
}

const word = (key) => WORDS[language][key];
const named = (table, key) => {
  const name = table[key] ?? key;
  return typeof name === "string" ? name : name[language];
};

// -- numbers ------------------------------------------------------------------------------------

const number = (value, options) => new Intl.NumberFormat(language, options).format(value);
const exact = (value) => number(value, { maximumFractionDigits: 0 });

function rate(value) {
  if (value === 0) return "0";
  if (value < 0.005) return "<" + number(0.01);
  const digits = value < 10 ? 2 : value < 100 ? 1 : 0;
  return number(value, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function count(value) {
  if (value === null) return "–";
  if (value < 10000) return exact(value);
  return number(value, { notation: "compact", maximumSignificantDigits: 4 });
}

function share(value) {
  if (value === undefined || value === null) return "–";
  return number(value, { style: "percent", maximumFractionDigits: value < 0.1 ? 1 : 0 });
}

function span(seconds) {
  if (seconds === null) return "–";
  const s = Math.max(0, Math.round(seconds));
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  if (s < 172800) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86400)} ${language === "fr" ? "j" : "d"}`;
}

// -- building blocks ----------------------------------------------------------------------------

function bars(list, rows, field) {
  const shown = rows.filter((row) => row.window === chosenWindow && row.ratio > 0);
  shown.sort((a, b) => b.ratio - a.ratio);
  if (shown.length === 0) {
    list.replaceChildren(element("li", word("noData"), { class: "empty" }));
    return;
  }
  list.replaceChildren(
    ...shown.map((row) => {
      const item = element("li");
      const bar = element("span", undefined, { class: "bar", "aria-hidden": "true" });
      bar.style.setProperty("--share", row.ratio.toFixed(4));
      const name = named(CODE_NAMES, row[field]);
      item.append(element("span", name, { class: "name" }), element("span", share(row.ratio)), bar);
      return item;
    }),
  );
}

function sparkline(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", "0 0 100 28");
  picture.setAttribute("preserveAspectRatio", "none");
  picture.setAttribute("role", "img");
  const label = word("trendOf").replace("{low}", rate(low)).replace("{high}", rate(high));
  picture.setAttribute("aria-label", label);
  const line = document.createElementNS(SVG, "polyline");
  const steps = Math.max(TREND_POINTS_MIN, values.length) - 1;
  const points = values.map((value, at) => {
    const x = 100 - ((values.length - 1 - at) * 100) / steps;
    const y = high > 0 ? 26 - (value / high) * 24 : 26;
    return `${x.toFixed(2)},${y.toFixed(2)}`;
  });
  line.setAttribute("points", points.join(" "));
  picture.append(line);
  return picture;
}

// -- panels -------------------------------------------------------------------------------------

const flowRate = (flow) =>
  Object.values(flow.sectors).reduce((sum, sector) => sum + sector.rates[chosenWindow], 0);
const delayOf = (part) => (part.newest_ms === null ? null : (state.now_ms - part.newest_ms) / 1000);
const sum = (values) => values.reduce((total, value) => total + value, 0);
const known = (values) => values.filter((value) => value !== null);
const warned = (value) => ({ text: count(value), title: exact(value), tone: value > 0 ? "warn" : "" });

function showSummary() {
  const delays = known(state.flows.map(delayOf));
  const lags = known(state.flows.map((flow) => flow.lag));
  const total = (field) => sum(state.flows.map((flow) => flow[field]));
  const open = Object.values(state.findings.open);
  const facts = [
    ["openFindings", open.length ? exact(sum(open)) : "–", sum(open) > 0 ? "warn" : ""],
    ["totalRate", rate(sum(state.flows.map(flowRate))), ""],
    ["totalEvents", exact(total("events")), ""],
    ["totalLag", lags.length ? count(sum(lags)) : "–", ""],
    ["oldestDelay", delays.length ? span(Math.max(...delays)) : "–", ""],
    ["late", exact(total("late")), ""],
    ["duplicates", exact(total("duplicates")), ""],
    ["dead", exact(total("dead_letters")), total("dead_letters") > 0 ? "warn" : ""],
  ];
  const list = byId("summary");
  while (list.children.length < facts.length) {
    const pair = element("div");
    pair.append(element("dt"), element("dd"));
    list.append(pair);
  }
  facts.forEach(([key, text, tone], at) => {
    const [name, value] = list.children[at].children;
    name.textContent = word(key);
    value.className = tone;
    if (value.textContent !== text) value.textContent = text;
  });
}

function showRates() {
  const table = byId("rate-table");
  const highest = Math.max(
    1e-9,
    ...state.flows.flatMap((f) => Object.values(f.sectors).map((s) => s.rates[chosenWindow])),
  );
  const cell = (value) => ({
    text: rate(value),
    title: `${number(value, { maximumSignificantDigits: 6 })} /s`,
    heat: Math.sqrt(value / highest),
  });
  const rows = state.sectors.map((sector) => {
    const values = state.flows.map((flow) => flow.sectors[sector].rates[chosenWindow]);
    return [sector, ...values.map(cell), { text: rate(sum(values)), tone: "sum" }];
  });
  const totals = state.flows.map(flowRate);
  fill(table.tBodies[0], rows);
  const sums = [...totals, sum(totals)].map((value) => ({ text: rate(value), tone: "sum" }));
  if (table.tFoot.rows.length === 0) {
    table.tFoot.append(element("tr"), element("tr", undefined, { class: "trend" }));
    for (let at = 0; at < totals.length + 2; at += 1) {
      for (const row of table.tFoot.rows) {
        row.append(at === 0 ? element("th", "", { scope: "row" }) : element("td"));
      }
    }
  }
  const [sumRow, trendRow] = table.tFoot.rows;
  sumRow.cells[0].textContent = word("total");
  trendRow.cells[0].textContent = word("trend");
  sums.forEach((value, at) => (sumRow.cells[at + 1].textContent = value.text));
  state.flows.forEach((flow, at) => {
    const values = trends.get(flow.flow) ?? [];
    if (values.length > 1) trendRow.cells[at + 1].replaceChildren(sparkline(values));
  });
}

function showHealth() {
  const failure = (flow) => {
    const parts = Object.values(flow.sectors)
      .filter((sector) => sector.failures[chosenWindow] !== undefined)
      .map((sector) => [sector.failures[chosenWindow], sector.rates[chosenWindow]]);
    const weight = sum(parts.map(([, r]) => r));
    return weight > 0 ? sum(parts.map(([ratio, r]) => ratio * r)) / weight : null;
  };
  const big = (value) => ({ text: count(value), title: value === null ? "" : exact(value) });
  fill(byId("health-table").tBodies[0], [
    [word("events"), ...state.flows.map((flow) => big(flow.events))],
    [word("lag"), ...state.flows.map((flow) => big(flow.lag))],
    [{ text: word("delay"), title: word("delayTitle") }, ...state.flows.map((flow) => span(delayOf(flow)))],
    [word("failures"), ...state.flows.map((flow) => share(failure(flow)))],
    [word("late"), ...state.flows.map((flow) => big(flow.late))],
    [word("duplicates"), ...state.flows.map((flow) => big(flow.duplicates))],
    [word("dead"), ...state.flows.map((flow) => warned(flow.dead_letters))],
  ]);
}

function showRest() {
  bars(byId("ins-results"), state.ins_results, "code");
  bars(byId("ins-statuses"), state.ins_statuses, "code");
  const platform = state.auth.filter((row) => row.flow === "platform-accesses");
  bars(byId("auth"), platform, "auth_method");
  showActive();
  const parts = state.partitions.map((part) => [
    String(part.partition),
    exact(part.events),
    count(part.lag),
    span(delayOf(part)),
  ]);
  fill(byId("partition-table").tBodies[0], parts.length ? parts : [[word("none"), "", "", ""]]);
  const letters = state.dead_letters.map((row) =>
    element("li", `${named(FLOW_NAMES, row.flow)} · ${row.reason} · ${exact(row.count)}`),
  );
  byId("dead-letters").replaceChildren(...(letters.length ? letters : [element("li", word("none"))]));
  byId("version").textContent = `${word("version")} ${state.version}`;
}

function showActive() {
  const rows = state.sectors.flatMap((sector) =>
    ["accounts", "structures"].map((kind) => [
      `${sector} · ${word(kind)}`,
      ...state.flows.map((flow) => {
        const cell = state.active.find(
          (row) => row.flow === flow.flow && row.sector === sector && row.window === chosenPeriod,
        );
        return cell && cell[kind] !== null ? exact(cell[kind]) : "–";
      }),
    ]),
  );
  const shown = rows.filter((row) => row.slice(1).some((text) => text !== "–"));
  fill(byId("active-table").tBodies[0], shown.length ? shown : [[word("none")]]);
}

function showHeads() {
  const flows = state.flows.map((flow) => ({ text: named(FLOW_NAMES, flow.flow), title: flow.flow }));
  head(byId("rate-table"), [word("sector"), ...flows, word("total")]);
  head(byId("health-table"), [word("measure"), ...flows]);
  head(byId("active-table"), [word("sector"), ...flows]);
  const last = { text: word("delay"), title: word("delayTitle") };
  head(byId("partition-table"), [word("partition"), word("events"), word("lag"), last]);
}

// Radio buttons, made once; their words follow the language.
function offer(place, choices, chosen, choose) {
  const labels = place.querySelectorAll("label");
  if (labels.length > 0) {
    choices.forEach(([, text], at) => (labels[at].lastChild.textContent = text));
    return;
  }
  for (const [value, text] of choices) {
    const label = element("label");
    const input = element("input", undefined, { type: "radio", name: place.id, value });
    input.checked = value === chosen;
    input.addEventListener("change", () => {
      choose(value);
      show();
    });
    label.append(input, element("span", text));
    place.append(label);
  }
}

function showChoices() {
  const windows = state.windows.map((name) => [name, name.replace("m", " min").replace("h", " h")]);
  offer(byId("windows"), windows, chosenWindow, (name) => {
    chosenWindow = name;
    trends.clear();
  });
  const periods = ["day", "month", "previous_month"].map((name) => [name, word(name)]);
  offer(byId("periods"), periods, chosenPeriod, (name) => (chosenPeriod = name));
}

let feed = { version: null, findings: [] };
let fetching = false;

// The stream says that something changed; the findings themselves are fetched when it does.
async function refreshFeed() {
  if (fetching || state.findings.version === feed.version) return;
  fetching = true;
  try {
    const answer = await fetch("/api/findings");
    if (answer.ok) feed = await answer.json();
    showFeed(feed, state.findings, language);
  } catch {
    // the status line says that the connection is lost; the next state tries again
  } finally {
    fetching = false;
  }
}

function show() {
  if (state === null) return;
  showFeed(feed, state.findings, language);
  showChoices();
  showSummary();
  showRates();
  showHealth();
  showRest();
  showStatus();
}

// -- connection, language, pause ----------------------------------------------------------------

function showStatus() {
  const silent = performance.now() - heardAt > STALE_MS;
  let now = "live";
  if (paused) now = "paused";
  else if (broken) now = "lost";
  else if (state === null) now = "connecting";
  else if (silent) now = "stale";
  else if (!state.ready) now = "recovering";
  const status = byId("status");
  if (status.dataset.state !== now || byId("status-text").textContent !== word(now)) {
    status.dataset.state = now;
    byId("status-text").textContent = word(now);
  }
  byId("main").dataset.fresh = String(now === "live" || now === "recovering");
}

function translate() {
  document.documentElement.lang = language;
  for (const place of document.querySelectorAll("[data-word]")) {
    place.textContent = word(place.dataset.word);
  }
  byId("pause").textContent = word(paused ? "resume" : "pause");
  const other = byId("language");
  other.textContent = word("other");
  other.lang = language === "fr" ? "en" : "fr";
  if (state !== null) showHeads();
  show();
  showStatus();
}

function hear(next) {
  const isFirst = state === null;
  state = next;
  heardAt = performance.now();
  broken = false;
  for (const flow of state.flows) {
    const values = trends.get(flow.flow) ?? [];
    values.push(flowRate(flow));
    trends.set(flow.flow, values.slice(-TREND_POINTS));
  }
  if (isFirst) showHeads();
  show();
  refreshFeed();
}

byId("language").addEventListener("click", () => {
  language = language === "fr" ? "en" : "fr";
  remember("vigie-language", language);
  translate();
});
byId("pause").addEventListener("click", () => {
  paused = !paused;
  byId("pause").setAttribute("aria-pressed", String(paused));
  translate();
});

const stream = new EventSource("/api/stream");
stream.addEventListener("message", (message) => {
  if (!paused) hear(JSON.parse(message.data));
});
stream.addEventListener("error", () => {
  broken = true;
  showStatus();
});
setInterval(showStatus, 1000);
translate();
