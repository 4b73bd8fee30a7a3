// The rhythm of the last day, of one flow or of all; of less while there is less.

import { dayChart, forget, hasCharts } from "/charts.js";
import { byId, fill, head, setText } from "/dom.js";
import { clock, rate, span } from "/format.js";
import { named, word } from "/language.js";
import { FLOW_SHORT } from "/names.js";
import { sum } from "/summary.js";

const HOUR_MS = 3_600_000;
const STEPS_MIN = 6;
const LEAST_RATIO = 0.01;
const TITLES = ["minutesTitle", "hourTitle", "day"];
let shown = null;
let pointed = null;

/** How much there was in each whole step of a grain. */
function countsOf(grain, flows) {
  const columns = flows.flatMap((name) => Object.values(grain.flows[name]));
  const steps = Math.max(0, (columns[0]?.length ?? 0) - 1);
  return Array.from({ length: steps }, (_, at) => sum(columns.map((column) => column[at])));
}

/**
 * The coarsest grain that has a curve to show, as events per second, from where the region's traffic
 * begins: a worker that just started has no day yet, but a few events that came late.
 */
function curveOf(tempo, flow) {
  for (const number of [2, 1, 0]) {
    const grain = tempo.grains[number];
    const all = countsOf(grain, Object.keys(grain.flows));
    const least = LEAST_RATIO * Math.max(...all);
    const isLong = all.filter((count) => count > least).length >= STEPS_MIN;
    if (!isLong && number > 0) continue;
    const first = Math.max(0, all.findIndex((count) => count > least));
    const counts = flow === "all" ? all : countsOf(grain, [flow]);
    return {
      number,
      startMs: grain.start_ms + first * grain.step_ms,
      stepMs: grain.step_ms,
      values: counts.slice(first).map((count) => (count * 1000) / grain.step_ms),
    };
  }
  return null;
}

function tell(at) {
  pointed = at;
  const note = byId("day-title").nextElementSibling;
  if (shown.values[at] === undefined) setText(note, word("dayNote", { span: span(shown.stepMs / 1000) }));
  else setText(note, `${clock(shown.startMs + at * shown.stepMs)} · ${rate(shown.values[at])}\u00a0${word("perSecondShort")}`);
}

export function showDay({ tempo, flow, state }) {
  if (tempo === null) return;
  const curve = curveOf(tempo, flow);
  const chart = byId("day-chart");
  if (shown?.number !== curve.number) forget(chart);
  shown = curve;
  setText(byId("day-title"), word(TITLES[curve.number]));
  chart.hidden = !hasCharts() || curve.values.length === 0;
  if (!hasCharts()) byId("day-figures").open = true;
  tell(pointed);
  if (!chart.hidden) dayChart(chart, curve.startMs / 1000, curve.stepMs / 1000, curve.values, tell);
  showHours(tempo, state);
}

/** The figures behind the chart: means of the last hours, the newest first. */
function showHours(tempo, state) {
  const table = byId("day-table");
  head(table, [word("hour"), ...state.flows.map((one) => named(FLOW_SHORT, one.flow))]);
  const { start_ms: startMs, step_ms: stepMs, flows } = tempo.grains[2];
  const steps = HOUR_MS / stepMs;
  const length = Math.max(0, ...Object.values(flows).flatMap((sectors) => Object.values(sectors).map((column) => column.length)));
  const rows = [];
  for (let end = length - 1; end - steps >= 0; end -= steps) {
    const from = end - steps;
    const means = state.flows.map(({ flow }) => {
      const counts = Object.values(flows[flow]).map((column) => sum(column.slice(from, end)));
      return rate((sum(counts) * 1000) / HOUR_MS);
    });
    rows.push([clock(startMs + from * stepMs), ...means]);
  }
  fill(table.tBodies[0], rows);
}
