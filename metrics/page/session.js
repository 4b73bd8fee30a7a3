// Whose session this is, its end, and what happens when it is over.

import { byId } from "/dom.js";
import { word } from "/language.js";

const ROLES = { viewer: "roleViewer", analyst: "roleAnalyst", unmask: "roleUnmask" };
let holder = null;

/** Back to where a token is asked for; the place in the page goes along. */
export const leave = () => location.replace(`/signin${location.hash}`);

/** Shows who is signed in, where tokens are asked for at all. */
export async function readSession() {
  const answer = await fetch("/api/session").catch(() => null);
  const session = answer?.ok ? await answer.json() : null;
  holder = session?.is_required ? session : null;
  showSession();
}

export function showSession() {
  const button = byId("signout");
  button.hidden = holder === null;
  if (holder === null) return;
  button.textContent = word("signOut");
  button.title = word("signedInAs", { name: holder.name, role: word(ROLES[holder.role]) });
}

export function offerSignOut() {
  byId("signout").addEventListener("click", async () => {
    const headers = { "Content-Type": "application/json", "X-Vigie": "1" };
    const answer = await fetch("/api/session", { method: "DELETE", headers, body: "{}" }).catch(() => null);
    if (answer?.ok) leave();
  });
}
