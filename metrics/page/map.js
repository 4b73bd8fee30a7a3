// The region's departments as tiles, placed as on the map of France, and the last day of what they exchange.

import { byId, make, place, setText } from "/dom.js";
import { DEPARTMENTS } from "/departments.js";
import { rate, share } from "/format.js";
import { named, word } from "/language.js";
import { FLOW_NAMES, FLOW_SHORT } from "/names.js";
import { sum, windowText } from "/summary.js";

const OUTSIDE = "HORS_REGION";
const MAP_COLUMNS = 13;
let chosen = null;

const nameOf = (code) => DEPARTMENTS[code]?.[0] ?? (code === OUTSIDE ? word("outside") : code);

/** Rates of one department by flow. */
function ratesOf(state, code, window) {
  const rows = state.departments.filter((row) => row.department === code);
  return new Map(rows.map((row) => [row.flow, row.rates[window]]));
}

const totalOf = (rates, flow) => (flow === "all" ? sum([...rates.values()]) : (rates.get(flow) ?? 0));

function tileOf(code, app) {
  const id = `tile-${code}`;
  const found = byId(id);
  if (found) return found;
  const tile = make("button", { type: "button", id, class: "tile", "aria-pressed": "false" });
  tile.append(make("span", { class: "code" }), make("span", { class: "name" }), make("span", { class: "rate" }));
  tile.addEventListener("click", () => {
    chosen = code;
    showMap(app);
  });
  return tile;
}

export function showMap(app) {
  const codes = [...new Set(app.state.departments.map((row) => row.department))];
  const inside = codes.filter((code) => DEPARTMENTS[code]);
  const others = codes.filter((code) => !DEPARTMENTS[code]);
  const rates = new Map(codes.map((code) => [code, ratesOf(app.state, code, app.window)]));
  const totals = new Map(codes.map((code) => [code, totalOf(rates.get(code), app.flow)]));
  const highest = Math.max(1e-9, ...inside.map((code) => totals.get(code)));
  const left = Math.min(...inside.map((code) => DEPARTMENTS[code][1]));
  const top = Math.min(...inside.map((code) => DEPARTMENTS[code][2]));
  const bottom = Math.max(...inside.map((code) => DEPARTMENTS[code][2])) - top + 1;
  chosen = rates.has(chosen) ? chosen : (inside.toSorted((a, b) => totals.get(b) - totals.get(a))[0] ?? null);

  const tiles = [...inside, ...others].map((code) => {
    const tile = tileOf(code, app);
    const [, column, row] = DEPARTMENTS[code] ?? [];
    const heat = DEPARTMENTS[code] ? Math.sqrt(totals.get(code) / highest) : 0;
    tile.style.gridColumn = column === undefined ? "1 / -1" : String(column - left + 1);
    tile.style.gridRow = String(row === undefined ? bottom + 1 : row - top + 1);
    tile.style.setProperty("--heat", heat.toFixed(3));
    tile.classList.toggle("strong", heat > 0.62);
    tile.classList.toggle("wide", column === undefined);
    tile.setAttribute("aria-pressed", String(code === chosen));
    const figure = rate(totals.get(code));
    [DEPARTMENTS[code] ? code : "", nameOf(code), figure].forEach((text, at) => setText(tile.children[at], text));
    tile.title = word("tileTitle", { name: nameOf(code), rate: figure });
    return tile;
  });
  place(byId("tiles"), tiles.toSorted((a, b) => a.style.gridRow - b.style.gridRow || parseInt(a.style.gridColumn) - parseInt(b.style.gridColumn)));
  setText(byId("map-note"), word("mapNote", { window: windowText(app.window) }));
  showFacts(app, rates);
  showLocator(inside);
}

/** The chosen department's figures, flow by flow. */
function showFacts(app, rates) {
  const box = byId("tile-facts");
  if (chosen === null) return;
  if (!box.firstChild) {
    const table = make("table", { class: "grid" }, make("caption"), make("tbody"));
    box.append(table);
  }
  const table = box.firstChild;
  setText(table.caption, DEPARTMENTS[chosen] ? `${nameOf(chosen)} (${chosen})` : nameOf(chosen));
  const body = table.tBodies[0];
  const own = rates.get(chosen);
  const rows = [...app.state.flows.map((flow) => flow.flow), "all"];
  while (body.rows.length < rows.length) body.append(make("tr", {}, make("th", { scope: "row" }), make("td"), make("td")));
  rows.forEach((flow, at) => {
    const [name, value, part] = body.rows[at].cells;
    const region = sum([...rates.values()].map((one) => totalOf(one, flow)));
    setText(name, flow === "all" ? word("total") : named(FLOW_SHORT, flow));
    name.title = flow === "all" ? "" : named(FLOW_NAMES, flow);
    setText(value, `${rate(totalOf(own, flow))}\u00a0${word("perSecondShort")}`);
    const text = region > 0 ? share(totalOf(own, flow) / region) : "–";
    setText(part, text);
    part.title = word("weightOf", { share: text });
    body.rows[at].className = flow === "all" ? "sum" : "";
  });
}

/** All of France in small, the region filled. */
function showLocator(inside) {
  const box = byId("locator");
  box.setAttribute("aria-label", word("locator"));
  if (box.dataset.region === inside.join()) return;
  box.dataset.region = inside.join();
  const own = new Set(inside);
  box.style.setProperty("--columns", MAP_COLUMNS);
  box.replaceChildren(
    ...Object.entries(DEPARTMENTS).map(([code, [, column, row]]) => {
      const dot = make("span", { class: own.has(code) ? "own" : null });
      dot.style.gridColumn = String(column + 1);
      dot.style.gridRow = String(row + 1);
      return dot;
    }),
  );
}
