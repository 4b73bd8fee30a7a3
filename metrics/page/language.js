// The chosen language, and its words. Domain terms stay French in both.

import { EN } from "/words-en.js";
import { FR } from "/words-fr.js";

const WORDS = { fr: FR, en: EN };
const KEY = "vigie-language";
let current = remembered() === "en" ? "en" : "fr";

function remembered() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage is switched off in this browser
  }
}

export const language = () => current;

export function switchLanguage() {
  current = current === "fr" ? "en" : "fr";
  try {
    localStorage.setItem(KEY, current);
  } catch {
    // the choice lasts as long as the tab
  }
}

/** French asks for a thin space before ; ! ? and a firm one before : and inside quotes. */
export function typeset(text) {
  if (current !== "fr") return text;
  return text
    .replace(/ (?=[;!?])/g, "\u202f")
    .replace(/ (?=[:»%])|(?<=«) /g, "\u00a0")
    .replace(/(?<=\d) (?=\d{3}\b|(?:h|min|s|j)\b)/g, "\u00a0");
}

/** A word of the page; `{name}` in it is replaced by the figure of that name. */
export function word(key, figures = {}) {
  const text = Object.entries(figures).reduce(
    (whole, [name, value]) => whole.replaceAll(`{${name}}`, value),
    WORDS[current][key],
  );
  return typeset(text);
}

/** A code's name in a table of `names.js`; an unknown code stands for itself. */
export function named(table, code) {
  const name = Object.hasOwn(table, code) ? table[code] : code;
  return typeof name === "string" ? name : name[current];
}
