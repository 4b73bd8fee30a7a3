// The live page: one stream of states in, views out. Nothing is kept beyond this tab.

import { loadCharts } from "/charts.js";
import { showDay } from "/day.js";
import { byId, offer, setText } from "/dom.js";
import { showFeed } from "/feed.js";
import { showFinding } from "/finding.js";
import { headFlows, showFlows, toggleSectors } from "/flows.js";
import { showHealth } from "/health.js";
import { language, named, switchLanguage, word } from "/language.js";
import { showMap } from "/map.js";
import { showMixes } from "/mixes.js";
import { FLOW_SHORT } from "/names.js";
import { objectiveFilters, showObjectives } from "/objectives.js";
import { leave, offerSignOut, readSession, showSession } from "/session.js";
import { showSummary, windowText } from "/summary.js";

const STALE_MS = 5000;
const TEMPO_MS = 5000;
const OBJECTIVES_MS = 60_000;

/** What is known and chosen; every view reads it, only this file writes it. */
const app = {
  state: null,
  tempo: null,
  feed: { version: null, findings: [] },
  objectives: null,
  objectivesFailed: false,
  window: "1m",
  period: "month",
  flow: "all",
  objectiveFilter: "all",
};
let [view, findingId] = ["region", null];
let hasArrived = false;
let paused = false;
let broken = false;
let heardAt = 0;

// -- what is read ---------------------------------------------------------------------------------

const busy = new Set();

/** Reads an address unless the last reading of it is still on its way; `null` where it fails. */
async function read(path) {
  if (busy.has(path)) return undefined;
  busy.add(path);
  try {
    const answer = await fetch(path);
    if (answer.status === 401) leave();
    return answer.ok ? await answer.json() : null;
  } catch {
    return null; // the status line says that the connection is lost; the next turn tries again
  } finally {
    busy.delete(path);
  }
}

// The stream says that something changed; the findings themselves are read when it does.
async function readFeed() {
  if (app.state.findings.version === app.feed.version) return;
  const feed = await read("/api/findings");
  if (!feed) return;
  app.feed = feed;
  show();
}

async function readTempo() {
  if (paused || document.hidden) return;
  const tempo = await read("/api/tempo");
  if (!tempo) return;
  app.tempo = tempo;
  show();
}

async function readObjectives() {
  if (paused || document.hidden) return;
  const objectives = await read("/api/objectives");
  if (objectives === undefined) return;
  app.objectivesFailed = objectives === null;
  app.objectives = objectives ?? app.objectives;
  show();
}

// -- what is shown --------------------------------------------------------------------------------

function showChoices() {
  const windows = app.state.windows.map((name) => [name, windowText(name)]);
  offer(byId("windows"), windows, app.window, (name) => choose("window", name));
  const flows = app.state.flows.map(({ flow }) => [flow, named(FLOW_SHORT, flow)]);
  offer(byId("map-flows"), [["all", word("allFlows")], ...flows], app.flow, (name) => choose("flow", name));
  const periods = [["day", word("dayPeriod")], ["month", word("month")], ["previous_month", word("previousMonth")]];
  offer(byId("periods"), periods, app.period, (name) => choose("period", name));
  offer(byId("objective-states"), objectiveFilters(), app.objectiveFilter, (name) => choose("objectiveFilter", name));
}

function choose(name, value) {
  app[name] = value;
  show();
}

const VIEWS = {
  region: () => [showSummary, showFlows, showMap, showDay, showMixes].forEach((part) => part(app)),
  constats: () => {},
  constat: () => {
    const isNew = hasArrived;
    hasArrived = false;
    showFinding(findingId, app.feed.version, isNew);
  },
  objectifs: () => showObjectives(app),
  technique: () => showHealth(app),
};

function show() {
  if (app.state === null) return;
  showFeed(app);
  VIEWS[view]();
  setText(byId("version"), `${word("version")} ${app.state.version}`);
  showStatus();
}

function statusNow() {
  if (paused) return "paused";
  if (broken) return "lost";
  if (app.state === null) return "connecting";
  if (performance.now() - heardAt > STALE_MS) return "stale";
  return app.state.ready ? "live" : "recovering";
}

function showStatus() {
  const now = statusNow();
  byId("status").dataset.state = now;
  setText(byId("status-text"), word(now));
  byId("main").dataset.fresh = String(now === "live" || now === "recovering");
}

function translate() {
  document.documentElement.lang = language();
  for (const place of document.querySelectorAll("[data-word]")) place.textContent = word(place.dataset.word);
  for (const place of document.querySelectorAll("[data-label]")) place.setAttribute("aria-label", word(place.dataset.label));
  byId("pause").textContent = word(paused ? "resume" : "pause");
  const other = byId("language");
  other.textContent = word("other");
  other.lang = language() === "fr" ? "en" : "fr";
  showSession();
  headFlows();
  if (app.state !== null) showChoices();
  nameDocument();
  show();
  showStatus();
}

// -- which view -----------------------------------------------------------------------------------

const TITLE_WORDS = { region: "region", constats: "findings", objectifs: "objectives", technique: "health" };

function nameDocument() {
  if (view !== "constat") document.title = `${word(TITLE_WORDS[view])} · Vigie`;
}

/** `#/constats/ID`, the older `#finding-ID` of alerts, `#/VIEW`, and the region for everything else. */
function placeOf(hash) {
  const text = decodeURIComponent(hash.slice(1));
  const finding = text.match(/^(?:finding-|\/constats\/)(.+)$/);
  if (finding) return ["constat", finding[1]];
  const name = text.replace(/^\//, "");
  return [name !== "constat" && Object.hasOwn(VIEWS, name) ? name : "region", null];
}

function go(isFirst) {
  const before = `${view} ${findingId}`;
  [view, findingId] = placeOf(location.hash);
  for (const name of Object.keys(VIEWS)) byId(`view-${name}`).hidden = name !== view;
  const tab = view === "constat" ? "constats" : view;
  for (const link of document.querySelectorAll("nav [data-view]")) {
    if (link.dataset.view === tab) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const isMove = !isFirst && before !== `${view} ${findingId}`;
  hasArrived = isMove;
  nameDocument();
  show();
  if (!isMove) return;
  scrollTo(0, 0);
  if (view !== "constat") byId(`view-${view}`).querySelector("h2").focus({ preventScroll: true });
}

// -- start ----------------------------------------------------------------------------------------

function hear(next) {
  const isFirst = app.state === null;
  app.state = next;
  heardAt = performance.now();
  broken = false;
  if (isFirst) showChoices();
  show();
  readFeed();
}

/** The browser reconnects by itself, except after an answer that is no stream; then we do. */
function listen() {
  const stream = new EventSource("/api/stream");
  stream.addEventListener("message", (message) => {
    if (!paused) hear(JSON.parse(message.data));
  });
  stream.addEventListener("error", () => {
    broken = true;
    showStatus();
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, STALE_MS);
  });
}

byId("language").addEventListener("click", () => {
  switchLanguage();
  translate();
});
byId("pause").addEventListener("click", () => {
  paused = !paused;
  byId("pause").setAttribute("aria-pressed", String(paused));
  translate();
});
byId("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address says which view is open
  byId("main").focus();
});
byId("all-sectors").addEventListener("click", () => {
  toggleSectors();
  show();
});
addEventListener("hashchange", () => go(false));
document.addEventListener("visibilitychange", readTempo);

offerSignOut();
await loadCharts();
translate();
go(true);
listen();
setInterval(showStatus, 1000);
setInterval(readTempo, TEMPO_MS);
setInterval(readObjectives, OBJECTIVES_MS);
readTempo();
readObjectives();
readSession();
