// What the region's exchange is made of: shares of codes, and who takes part.

import { byId, fill, head, make } from "/dom.js";
import { exact, share } from "/format.js";
import { named, word } from "/language.js";
import { CODE_NAMES, FLOW_SHORT, SECTOR_NAMES } from "/names.js";

function bars(list, rows, field, window) {
  const shown = rows.filter((row) => row.window === window && row.ratio > 0).toSorted((a, b) => b.ratio - a.ratio);
  if (shown.length === 0) {
    list.replaceChildren(make("li", { class: "empty" }, word("noData")));
    return;
  }
  list.replaceChildren(
    ...shown.map((row) => {
      const bar = make("span", { class: "bar", "aria-hidden": "true" });
      bar.style.setProperty("--share", row.ratio.toFixed(4));
      return make("li", {}, make("span", { class: "name" }, named(CODE_NAMES, row[field])), make("span", {}, share(row.ratio)), bar);
    }),
  );
}

export function showMixes({ state, window, period }) {
  bars(byId("ins-results"), state.ins_results, "code", window);
  bars(byId("ins-statuses"), state.ins_statuses, "code", window);
  const platform = state.auth.filter((row) => row.flow === "platform-accesses");
  bars(byId("auth"), platform, "auth_method", window);
  showActive(state, period);
}

function showActive(state, period) {
  const table = byId("active-table");
  head(table, [word("sector"), ...state.flows.map((flow) => named(FLOW_SHORT, flow.flow))]);
  const rows = state.sectors.flatMap((sector) =>
    ["accounts", "structures"].map((kind) => [
      `${named(SECTOR_NAMES, sector)} · ${word(kind)}`,
      ...state.flows.map((flow) => {
        const cell = state.active.find((row) => row.flow === flow.flow && row.sector === sector && row.window === period);
        return exact(cell ? cell[kind] : null);
      }),
    ]),
  );
  const known = rows.filter((row) => row.slice(1).some((text) => text !== exact(null)));
  fill(table.tBodies[0], known.length ? known : [[word("none")]]);
}
