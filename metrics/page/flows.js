// The flows, one row each, and their sectors below on demand: trend, rate, failures.

import { hasCharts, sparkline } from "/charts.js";
import { byId, head, make, setText } from "/dom.js";
import { exact, number, rate, share, span } from "/format.js";
import { named, word } from "/language.js";
import { FLOW_NAMES, SECTOR_NAMES } from "/names.js";
import { flowRate, sum } from "/summary.js";

const GRAIN_OF = { "1m": 0, "5m": 1, "1h": 2, "24h": 2 };
const unfolded = new Set();
let isAsked = false;

/** The trend of some sectors of a flow in events per second; the cell that is on its way is left out. */
function trendOf(tempo, window, flow, sectors) {
  const grain = tempo?.grains[GRAIN_OF[window]];
  const columns = sectors.map((sector) => grain?.flows[flow]?.[sector]).filter(Boolean);
  if (!grain || columns.length === 0) return null;
  const values = columns[0].map((_, at) => sum(columns.map((column) => column[at])) / (grain.step_ms / 1000));
  return { values: values.slice(0, -1), seconds: ((values.length - 1) * grain.step_ms) / 1000 };
}

function showTrend(cell, trend) {
  const chart = cell.firstElementChild;
  chart.hidden = trend === null;
  if (trend === null) return;
  const [low, high] = [Math.min(...trend.values), Math.max(...trend.values)];
  const text = word("trendOf", { low: rate(low), high: rate(high), span: span(trend.seconds) });
  if (hasCharts()) {
    chart.setAttribute("aria-label", text);
    sparkline(chart, trend.values);
  } else {
    chart.removeAttribute("role");
    setText(chart, `${rate(low)}\u00a0– ${rate(high)}`);
  }
}

function failuresOf(flow, window, sectors) {
  const parts = sectors
    .map((name) => flow.sectors[name])
    .filter((sector) => sector.failures[window] !== undefined)
    .map((sector) => [sector.failures[window], sector.rates[window]]);
  const weight = sum(parts.map(([, one]) => one));
  return weight > 0 ? sum(parts.map(([ratio, one]) => ratio * one)) / weight : null;
}

function rowOf(id, kind) {
  const found = byId(id);
  if (found) return found;
  const chart = make("div", { class: "spark", role: "img" });
  return make(
    "tr",
    { id, "data-kind": kind },
    make("th", { scope: "row" }),
    make("td", { class: "trend" }, chart),
    make("td", { class: "rate" }),
    make("td", { class: "failures" }),
  );
}

function showRow(row, app, flow, sectors, value) {
  const [, trend, rateCell, failures] = row.cells;
  showTrend(trend, trendOf(app.tempo, app.window, flow.flow, sectors));
  setText(rateCell, rate(value));
  rateCell.title = `${number(value, { maximumSignificantDigits: 6 })} ${word("perSecondShort")}`;
  setText(failures, share(failuresOf(flow, app.window, sectors)));
}

function nameFlow(row, app, flow) {
  const name = row.cells[0];
  if (!name.firstChild) {
    const button = make("button", { type: "button", class: "unfold", "aria-controls": `sectors-${flow.flow}` });
    button.append(make("span", { class: "what" }));
    button.addEventListener("click", () => {
      if (!unfolded.delete(flow.flow)) unfolded.add(flow.flow);
      showFlows(app);
    });
    name.append(button, make("span", { class: "under" }));
  }
  const [button, under] = name.children;
  const today = app.tempo?.today[flow.flow];
  setText(button.firstChild, named(FLOW_NAMES, flow.flow));
  button.title = word("sectorsOf", { flow: named(FLOW_NAMES, flow.flow) });
  button.setAttribute("aria-expanded", String(isOpen(flow.flow)));
  setText(under, today === undefined || today === null ? "" : word("today", { n: exact(today) }));
}

const isOpen = (flow) => isAsked !== unfolded.has(flow);

export function toggleSectors() {
  isAsked = !isAsked;
  unfolded.clear();
  byId("all-sectors").setAttribute("aria-pressed", String(isAsked));
}

export function headFlows() {
  head(byId("flow-table"), [word("flow"), word("trend"), { text: word("perSecondShort"), title: word("perSecond") }, word("failures")]);
}

export function showFlows(app) {
  const table = byId("flow-table");
  for (const flow of app.state.flows) {
    const row = rowOf(`flow-${flow.flow}`, "flow");
    if (!row.isConnected) {
      const group = make("tbody", { id: `sectors-${flow.flow}` }, row);
      table.append(group);
    }
    nameFlow(row, app, flow);
    showRow(row, app, flow, app.state.sectors, flowRate(flow, app.window));
    for (const sector of app.state.sectors) {
      const part = rowOf(`flow-${flow.flow}-${sector}`, "sector");
      const shown = isOpen(flow.flow) && (flow.sectors[sector].events > 0 || flow.sectors[sector].rates["24h"] > 0);
      if (!part.isConnected) row.parentElement.append(part);
      part.hidden = !shown;
      if (!shown) continue;
      setText(part.cells[0], named(SECTOR_NAMES, sector));
      part.cells[0].title = sector;
      showRow(part, app, flow, [sector], flow.sectors[sector].rates[app.window]);
    }
  }
}
