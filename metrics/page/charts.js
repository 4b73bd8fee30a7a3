// Charts by uPlot, which `make page-assets` fetches. Where it is not, callers show their tables instead.

import { clock, dayMonth, number } from "/format.js";

const DAY_S = 86400;
const STEPS_MIN = 7; // a first day stands at the right of an otherwise empty week
let UPlot = null;

/** Loads the library once; false where it is not served. */
export async function loadCharts() {
  try {
    UPlot = (await import("/vendor/uPlot.esm.js")).default;
  } catch {
    return false;
  }
  const sheet = document.createElement("link");
  sheet.rel = "stylesheet";
  sheet.href = "/vendor/uPlot.min.css";
  document.head.prepend(sheet);
  return true;
}

export const hasCharts = () => UPlot !== null;

/** A colour of the style sheet, as it is in the present scheme. */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const living = new Map();
const sizes = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    const chart = living.get(target);
    if (chart && contentRect.width > 0) chart.setSize({ width: Math.floor(contentRect.width), height: Math.floor(contentRect.height) });
  }
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const chart of living.values()) chart.redraw();
});

/** Draws into a place and follows its size; what was drawn there before goes. */
function draw(place, options, data) {
  forget(place);
  const [width, height] = [Math.max(10, place.clientWidth), Math.max(10, place.clientHeight)];
  const chart = new UPlot({ ...options, width, height }, data, place);
  living.set(place, chart);
  sizes.observe(place);
  return chart;
}

export function forget(place) {
  living.get(place)?.destroy();
  living.delete(place);
  sizes.unobserve(place);
}

const fromZero = (_, low, high) => [0, high > 0 ? high * 1.08 : 1];

/** A line without axes. */
export function sparkline(place, values) {
  const data = [values.map((_, at) => at), values];
  const chart = living.get(place);
  if (chart) {
    chart.setData(data);
    return;
  }
  draw(
    place,
    {
      padding: [2, 1, 2, 1],
      cursor: { show: false },
      legend: { show: false },
      scales: { x: { time: false }, y: { range: fromZero } },
      axes: [{ show: false }, { show: false }],
      series: [
        {},
        { stroke: () => colour("accent"), fill: () => colour("accent-wash"), width: 1.25, points: { show: false } },
      ],
    },
    data,
  );
}

const axis = (extra) => ({
  stroke: () => colour("soft"),
  font: "12px system-ui, sans-serif",
  grid: { stroke: () => colour("line"), width: 1 },
  ticks: { show: false },
  ...extra,
});
const shortNumber = (value) => number(value, { notation: "compact", maximumSignificantDigits: 3 });

/** Times in Paris: hours, and the day where it begins; days alone where the steps are days. None twice. */
function timeLabels(stepS) {
  const label = (at) => {
    if (stepS >= DAY_S) return dayMonth(at * 1000);
    const text = clock(at * 1000);
    return text === "00:00" ? dayMonth(at * 1000) : text;
  };
  return (_, splits) =>
    splits.map(label).map((text, n, labels) => (text === labels[n - 1] ? null : text));
}

/** The step that the pointer is in; the library itself knows the nearest start of one. */
function stepUnder(chart) {
  const { idx, left } = chart.cursor;
  if (idx === null || idx === undefined || left < 0) return null;
  return idx > 0 && chart.data[0][idx] > chart.posToVal(left, "x") ? idx - 1 : idx;
}

const base = (stepS, tell) => ({
  tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1000), "Europe/Paris"),
  legend: { show: false },
  cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
  hooks: { setCursor: [(chart) => tell(stepUnder(chart))] },
  scales: { y: { range: fromZero } },
  axes: [
    axis({ values: timeLabels(stepS), space: 64, size: 30, grid: { show: false } }),
    axis({ values: (_, splits) => splits.map(shortNumber), size: 46, space: 36 }),
  ],
});

/**
 * The last day's rates as an area.
 * @param {(index: number | null) => void} tell hears which step the pointer is on
 */
export function dayChart(place, startS, stepS, values, tell) {
  const data = [values.map((_, at) => startS + at * stepS), values];
  const chart = living.get(place);
  if (chart) {
    chart.setData(data);
    return;
  }
  const line = {
    stroke: () => colour("accent"),
    fill: () => colour("accent-wash"),
    width: 1.5,
    points: { show: false },
  };
  draw(place, { ...base(stepS, tell), series: [{}, line] }, data);
}

/**
 * What was observed against what was expected, and against the peers.
 * @param {{step_ms: number, points: object[]}} history
 * @param {[number, number]} incident start and end, milliseconds
 */
export function behaviourChart(place, history, incident, tell) {
  const stepS = history.step_ms / 1000;
  const { points } = history;
  const startsS = points.map((point) => point.start_ms / 1000);
  const endS = startsS.at(-1) + stepS;
  // Lines go on to the end of the last step: its figures once more, for them alone.
  const blocks = (name) => [...points.map((point) => point[name]), null];
  const lines = (name) => [...blocks(name).slice(0, -1), points.at(-1)[name]];
  const [bars, steps] = [UPlot.paths.bars({ size: [0.82, 60], align: 1 }), UPlot.paths.stepped({ align: 1 })];
  const line = (name, more) => ({ stroke: () => colour(name), width: 1.5, paths: steps, points: { show: false }, ...more });
  const block = (name) => ({ fill: () => colour(name), width: 0, paths: bars, points: { show: false } });
  const shade = (chart) => {
    const [from, to] = incident.map((ms) => chart.valToPos(ms / 1000, "x", true));
    const { left, top, width, height } = chart.bbox;
    const [start, end] = [Math.max(from, left), Math.min(Math.max(to, from + 2), left + width)];
    if (end <= start) return;
    chart.ctx.fillStyle = colour("bad-wash");
    chart.ctx.fillRect(start, top, end - start, height);
  };
  const options = base(stepS, (at) => tell(at !== null && at < points.length ? at : null));
  options.hooks.drawClear = [shade];
  options.scales.x = { range: () => [Math.min(startsS[0], endS - STEPS_MIN * stepS), endS] };
  options.series = [
    {},
    line("peers", { width: 0 }),
    line("peers", { dash: [2, 4], width: 1.25 }),
    block("observed"),
    block("bad"),
    line("ink", { dash: [6, 4] }),
    line("warn", {}),
  ];
  options.bands = [{ series: [2, 1], fill: () => colour("peers-wash") }];
  draw(place, options, [
    [...startsS, endS],
    lines("peers"),
    lines("peers_high"),
    blocks("observed"),
    blocks("unexplained"),
    lines("expected"),
    lines("high"),
  ]);
}
