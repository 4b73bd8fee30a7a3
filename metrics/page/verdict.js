// An analyst's verdict: chosen, confirmed, sent, and told what became of it.

import { make } from "/dom.js";
import { word } from "/language.js";

// Of accounts, and of flows: what the button says, and what is asked before it is sent.
const OF_ACCOUNTS = [
  ["CONFIRMED", "confirm", "confirmAsk"],
  ["BENIGN", "benign", "benignAsk"],
];
const OF_FLOWS = [
  ["CONFIRMED", "confirmFlow", "confirmFlowAsk"],
  ["BENIGN", "benign", "benignFlowAsk"],
];
// Why a verdict was not taken, by the answer's status: the server tells its reasons in English only.
const REFUSALS = {
  401: "refusedElsewhere",
  403: "refusedElsewhere",
  404: "refusedUnknown",
  409: "refusedOld",
  429: "refusedTooMany",
  503: "refusedLater",
};
const FLOW_DETECTORS = new Set(["outage", "drop", "spike", "level_shift", "flooding"]);

/**
 * Sends a verdict.
 * @returns {Promise<string | null>} why it was not taken, `null` if it was
 */
async function send(findingId, verdict) {
  let answer;
  try {
    answer = await fetch(`/api/findings/${encodeURIComponent(findingId)}/verdict`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Vigie": "1" },
      body: JSON.stringify({ verdict }),
    });
  } catch {
    return word("unreachable");
  }
  if (answer.ok) return null;
  const known = REFUSALS[answer.status];
  return known === undefined ? word("refused", { status: answer.status }) : word(known);
}

/**
 * The panel's content.
 * @param {{finding_id: string, status: string, detector: string}} finding its status says what was judged before
 */
export function verdictPanel({ finding_id: findingId, status, detector }) {
  const kinds = FLOW_DETECTORS.has(detector) ? OF_FLOWS : OF_ACCOUNTS;
  const result = make("p", { class: "result", role: "status" });
  const choice = make("div", { class: "choice" });
  const box = make("div", { class: "verdict" }, make("p", {}, word("verdictAsk")), choice, result);

  function offerChoice(focused = null) {
    const buttons = kinds.map(([kind, label, question]) => {
      const button = make("button", { type: "button", "data-verdict": kind, disabled: kind === status ? "" : null }, word(label));
      button.addEventListener("click", () => ask(kind, question));
      return button;
    });
    choice.replaceChildren(...buttons);
    if (focused !== null) choice.querySelector(`[data-verdict="${focused}"]`)?.focus();
  }

  function ask(kind, question) {
    result.textContent = "";
    const yes = make("button", { type: "button", class: "primary", "data-kind": kind }, word("yes"));
    const no = make("button", { type: "button" }, word("no"));
    const text = make("p", { id: "verdict-question" }, word(question));
    choice.replaceChildren(make("div", { class: "confirm", role: "group", "aria-labelledby": "verdict-question" }, text, yes, no));
    no.addEventListener("click", () => offerChoice(kind));
    choice.onkeydown = (event) => {
      if (event.key === "Escape") offerChoice(kind);
    };
    yes.addEventListener("click", async () => {
      yes.disabled = no.disabled = true;
      result.dataset.tone = "";
      result.textContent = word("sending");
      const error = await send(findingId, kind);
      offerChoice();
      result.dataset.tone = error === null ? "good" : "bad";
      result.textContent = error ?? word("sent");
      result.tabIndex = -1;
      result.focus();
    });
    yes.focus();
  }

  if (status === "BENIGN" || status === "CONFIRMED") {
    box.firstChild.textContent = word(status === "BENIGN" ? "alreadyBENIGN" : "alreadyCONFIRMED");
  }
  offerChoice();
  return box;
}
