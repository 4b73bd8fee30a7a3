// The pipeline's health: flows, partitions, dead letters.

import { byId, fill, head, make, setText } from "/dom.js";
import { compact, exact, share, span } from "/format.js";
import { named, word } from "/language.js";
import { FLOW_SHORT } from "/names.js";
import { silenceS, sum } from "/summary.js";

const counted = (value) => ({ text: compact(value), title: exact(value) });
const warned = (value) => ({ ...counted(value), tone: value > 0 ? "warn" : "" });

export function showHealth({ state }) {
  showWorker(state);
  const table = byId("health-table");
  const last = { text: word("delay"), title: word("delayTitle") };
  head(table, [word("flow"), word("events"), word("lag"), last, word("late"), word("duplicates"), word("dead")]);
  fill(
    table.tBodies[0],
    state.flows.map((flow) => [
      named(FLOW_SHORT, flow.flow),
      counted(flow.events),
      counted(flow.lag),
      span(silenceS(flow, state.now_ms)),
      counted(flow.late),
      counted(flow.duplicates),
      warned(flow.dead_letters),
    ]),
  );
  showPartitions(state, last);
  const letters = byId("letter-table");
  head(letters, [word("flow"), word("reason"), word("count")]);
  const rows = state.dead_letters.map((row) => [named(FLOW_SHORT, row.flow), row.reason, warned(row.count)]);
  fill(letters.tBodies[0], rows.length ? rows : [[word("none"), "", ""]]);
}

function showPartitions(state, last) {
  const table = byId("partition-table");
  head(table, [word("partition"), word("events"), word("lag"), last]);
  const total = sum(state.partitions.map((part) => part.events));
  const rows = state.partitions.map((part) => [
    String(part.partition),
    { text: exact(part.events), title: share(total > 0 ? part.events / total : null) },
    counted(part.lag),
    span(silenceS(part, state.now_ms)),
  ]);
  fill(table.tBodies[0], rows.length ? rows : [[word("none"), "", "", ""]]);
}

function showWorker(state) {
  const list = byId("worker-facts");
  const facts = [
    [word("status"), word(state.ready ? "ready" : "notReady"), state.phase],
    [word("assigned"), exact(state.assigned.length), state.assigned.join(", ")],
    [word("checkpoint"), span(state.checkpoint_age_s), word("checkpointNote")],
    [word("version"), state.version, ""],
  ];
  while (list.children.length < 2 * facts.length) list.append(make("dt"), make("dd"));
  facts.forEach(([name, text, title], at) => {
    setText(list.children[2 * at], name);
    setText(list.children[2 * at + 1], text);
    list.children[2 * at + 1].title = title;
  });
}
