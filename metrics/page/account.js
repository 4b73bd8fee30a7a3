// Whom a finding is about: shown on demand, once the audit has noted who asks.

import { make } from "/dom.js";
import { word } from "/language.js";

const REFUSALS = { 403: "unmaskRefused", 404: "refusedUnknown", 429: "refusedTooMany", 503: "unmaskLater" };

async function ask(findingId) {
  let answer;
  try {
    answer = await fetch(`/api/findings/${encodeURIComponent(findingId)}/account`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Vigie": "1" },
      body: JSON.stringify({ audited: true }),
    });
  } catch {
    return { error: word("unreachable") };
  }
  if (answer.ok) return answer.json();
  return { error: word(REFUSALS[answer.status] ?? "unmaskLater") };
}

function shown({ structure, accounts }) {
  const list = make("dl", { class: "facts" });
  if (structure !== null) list.append(make("dt", {}, word("structure")), make("dd", {}, make("code", {}, structure)));
  const lines = accounts.map((account) => make("div", {}, make("code", {}, account)));
  list.append(make("dt", {}, word("account")), make("dd", {}, ...lines));
  return list;
}

/**
 * The panel's content: a button, then pseudonyms; they leave with the page.
 * @param {string} findingId
 */
export function accountPanel(findingId) {
  const result = make("div", { class: "result", role: "status", tabindex: "-1" });
  const button = make("button", { type: "button", id: "unmask" }, word("unmask"));
  button.addEventListener("click", async () => {
    button.disabled = true;
    const told = await ask(findingId);
    button.disabled = false;
    result.dataset.tone = told.error === undefined ? "" : "bad";
    result.replaceChildren(told.error ?? shown(told));
    if (told.error === undefined) button.remove();
    result.focus();
  });
  return make("div", { class: "verdict account" }, make("p", { class: "soft" }, word("unmaskNote")), button, result);
}
