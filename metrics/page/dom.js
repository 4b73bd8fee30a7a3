// How elements and tables are made; text goes in as text, never as markup.

export const byId = (id) => document.getElementById(id);

/**
 * An element with attributes and children; what is null or undefined is left out.
 * @param {string} tag
 * @param {Record<string, string | null>} [attributes]
 * @param {...(Node | string | null | undefined)} children
 */
export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Touches the text only if it changed, so that selection and screen readers are left in peace. */
export function setText(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

/** Puts children in place without touching those that stand there already. */
export function place(parent, children) {
  const same = parent.children.length === children.length;
  if (same && children.every((child, at) => child === parent.children[at])) return;
  parent.replaceChildren(...children);
}

/** Rows of a table body: a cell is a text, or text with title, tone and heat (0 to 1). */
export function fill(body, rows) {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, at) => {
    const row = body.rows[at] ?? body.insertRow();
    while (row.cells.length > cells.length) row.deleteCell(-1);
    cells.forEach((cell, column) => {
      const wanted = typeof cell === "object" ? cell : { text: cell };
      let found = row.cells[column];
      if (!found) {
        found = column === 0 ? make("th", { scope: "row" }) : make("td");
        row.append(found);
      }
      setText(found, wanted.text);
      found.title = wanted.title ?? "";
      found.className = wanted.tone ?? "";
    });
  });
}

export function head(table, names) {
  const cells = names.map((name, at) => {
    const attributes = { scope: "col", title: name.title ?? null, class: at === 0 ? "first" : null };
    return make("th", attributes, name.text ?? name);
  });
  table.tHead.replaceChildren(make("tr", {}, ...cells));
}

/** A whole table, for figures that do not move. */
export function table(caption, names, rows) {
  const made = make("table", { class: "grid" }, make("caption", { class: "hidden" }, caption));
  made.append(make("thead"), make("tbody"));
  head(made, names);
  fill(made.tBodies[0], rows);
  return made;
}

/** Radio buttons as a row of pills; made once, their words follow the language. */
export function offer(fieldset, choices, chosen, choose) {
  const labels = fieldset.querySelectorAll("label");
  if (labels.length === choices.length) {
    choices.forEach(([, text], at) => setText(labels[at].lastChild, text));
    return;
  }
  labels.forEach((label) => label.remove());
  for (const [value, text] of choices) {
    const input = make("input", { type: "radio", name: fieldset.id, value });
    input.checked = value === chosen;
    input.addEventListener("change", () => choose(value));
    fieldset.append(make("label", {}, input, make("span", {}, text)));
  }
}
