// The rhythm of the last 24 hours, of one flow or of all.

import { dayChart, hasCharts } from "/charts.js";
import { byId, fill, head, setText } from "/dom.js";
import { clock, rate } from "/format.js";
import { named, word } from "/language.js";
import { FLOW_SHORT } from "/names.js";
import { sum } from "/summary.js";

const HOUR_MS = 3_600_000;
let shown = null;

/** Events per second in each whole step of the last day. */
function dayOf(tempo, flow) {
  const grain = tempo.grains[2];
  const flows = flow === "all" ? Object.keys(grain.flows) : [flow];
  const columns = flows.flatMap((name) => Object.values(grain.flows[name]));
  const steps = columns[0]?.length ?? 0;
  const values = Array.from({ length: Math.max(0, steps - 1) }, (_, at) => sum(columns.map((column) => column[at])));
  return { startMs: grain.start_ms, stepMs: grain.step_ms, values: values.map((n) => n / (grain.step_ms / 1000)) };
}

function tell(at) {
  const note = byId("day-title").nextElementSibling;
  if (at === null || shown === null) setText(note, word("dayNote"));
  else setText(note, `${clock(shown.startMs + at * shown.stepMs)} · ${rate(shown.values[at])}\u00a0${word("perSecondShort")}`);
}

export function showDay({ tempo, flow, state }) {
  if (tempo === null) return;
  const day = dayOf(tempo, flow);
  shown = day;
  const chart = byId("day-chart");
  chart.hidden = !hasCharts() || day.values.length === 0;
  if (hasCharts()) byId("day-figures").hidden = day.values.length === 0;
  else byId("day-figures").open = true;
  if (!chart.hidden) dayChart(chart, day.startMs / 1000, day.stepMs / 1000, day.values, tell);
  showHours(tempo, state);
}

function showHours(tempo, state) {
  const table = byId("day-table");
  head(table, [word("hour"), ...state.flows.map((one) => named(FLOW_SHORT, one.flow))]);
  const days = state.flows.map((one) => dayOf(tempo, one.flow));
  const steps = HOUR_MS / days[0].stepMs;
  const rows = [];
  for (let end = days[0].values.length; end - steps >= 0; end -= steps) {
    const from = end - steps;
    const means = days.map(({ values }) => rate(sum(values.slice(from, end)) / steps));
    rows.push([clock(days[0].startMs + from * days[0].stepMs), ...means]);
  }
  fill(table.tBodies[0], rows);
}
