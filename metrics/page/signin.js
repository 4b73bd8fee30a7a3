// Signing in: a token once, then a session that scripts cannot read.

import { byId } from "/dom.js";
import { language, switchLanguage, word } from "/language.js";

// Why nobody is let in, by the answer's status.
const REFUSALS = { 401: "tokenWrong", 403: "tokenForeign", 429: "tokenTooMany" };
let told = null;

/** To where the reader wanted to go: the fragment of the address has come along. */
const enter = () => location.replace(`/${location.hash}`);

function show() {
  document.documentElement.lang = language();
  for (const place of document.querySelectorAll("[data-word]")) place.textContent = word(place.dataset.word);
  document.title = `${word("signIn")} · Vigie`;
  const other = byId("language");
  other.textContent = word("other");
  other.lang = language() === "fr" ? "en" : "fr";
  byId("signin-result").textContent = told === null ? "" : word(told.key, told.figures);
}

function tell(key, figures = {}, tone = "bad") {
  told = { key, figures };
  byId("signin-result").dataset.tone = tone;
  show();
}

async function signIn(token) {
  let answer;
  try {
    answer = await fetch("/api/session", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Vigie": "1" },
      body: JSON.stringify({ token }),
    });
  } catch {
    return tell("tokenUnreachable");
  }
  if (answer.ok || answer.status === 409) return enter(); // 409: no token is asked for here
  const known = REFUSALS[answer.status];
  if (known === undefined) return tell("tokenRefused", { status: answer.status });
  return tell(known, { seconds: answer.headers.get("Retry-After") ?? "" });
}

byId("signin").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [field, button] = [byId("token"), event.submitter ?? byId("signin").querySelector("button")];
  button.disabled = true;
  tell("sending", {}, "");
  await signIn(field.value.trim());
  button.disabled = false;
  field.select();
  field.focus();
});
byId("language").addEventListener("click", () => {
  switchLanguage();
  show();
});

show();
// A link from elsewhere comes without the session, for its cookie is for this site alone; what this page
// asks itself comes with it.
const session = await fetch("/api/session").then((answer) => (answer.ok ? answer.json() : null), () => null);
if (session !== null && session.role !== null) enter();
else byId("token").focus();
