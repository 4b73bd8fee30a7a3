// Figures, spans and moments in the chosen language; a dash where nothing is known.

import { language, word } from "/language.js";

const NOTHING = "–";
const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86400;

export const number = (value, options) => new Intl.NumberFormat(language(), options).format(value);

export function exact(value) {
  return value === null || value === undefined ? NOTHING : number(value, { maximumFractionDigits: 0 });
}

/** Events per second. */
export function rate(value) {
  if (value === 0) return "0";
  if (value < 0.005) return `<\u202f${number(0.01)}`;
  const digits = value < 10 ? 2 : value < 100 ? 1 : 0;
  return number(value, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function compact(value) {
  if (value === null || value === undefined) return NOTHING;
  if (value < 10000) return exact(value);
  return number(value, { notation: "compact", maximumSignificantDigits: 4 });
}

/** A share of 0 to 1 as a percentage; near 0 and near 1 with a digit more. */
export function share(value) {
  if (value === null || value === undefined) return NOTHING;
  return number(value, { style: "percent", maximumFractionDigits: value < 0.1 || (value > 0.99 && value < 1) ? 1 : 0 });
}

export function span(seconds) {
  if (seconds === null) return NOTHING;
  const s = Math.max(0, Math.round(seconds));
  if (s < 2 * MINUTE_S && s !== MINUTE_S) return `${s}\u00a0s`;
  if (s < 2 * HOUR_S) return `${Math.round(s / MINUTE_S)}\u00a0min`;
  if (s < 2 * DAY_S) return `${Math.round(s / HOUR_S)}\u00a0h`;
  return `${exact(Math.round(s / DAY_S))}\u00a0${word("dayShort")}`;
}

const times = (options) =>
  new Intl.DateTimeFormat(language() === "en" ? "en-GB" : "fr", { timeZone: "Europe/Paris", ...options });

export const moment = (ms) => times({ dateStyle: "short", timeStyle: "short" }).format(ms);
export const clock = (ms) => times({ timeStyle: "short" }).format(ms);
export const dayMonth = (ms) => times({ day: "numeric", month: "short" }).format(ms);

/** A date without a time, written YYYY-MM-DD. */
export const date = (text) => times({ day: "numeric", month: "short", year: "numeric" }).format(new Date(`${text}T12:00:00Z`));

/** A moment as an element that machines can read, too. */
export function time(ms, text = moment(ms)) {
  const made = document.createElement("time");
  made.dateTime = new Date(ms).toISOString();
  made.textContent = text;
  return made;
}
