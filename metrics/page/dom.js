// How elements and tables are made; text goes in as text, never as markup.

export const byId = (id) => document.getElementById(id);

export function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

// A row keeps its cells between states: only text that changed is touched, so that selection,
// focus and screen readers are left in peace.
export function fill(body, rows) {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, at) => {
    const row = body.rows[at] ?? body.insertRow();
    while (row.cells.length > cells.length) row.deleteCell(-1);
    cells.forEach((cell, column) => {
      const wanted = typeof cell === "object" ? cell : { text: cell };
      let place = row.cells[column];
      if (!place) {
        place = column === 0 ? element("th", "", { scope: "row" }) : element("td");
        row.append(place);
      }
      if (place.textContent !== wanted.text) place.textContent = wanted.text;
      place.title = wanted.title ?? "";
      place.className = wanted.tone ?? "";
      if (wanted.heat !== undefined) place.style.setProperty("--heat", wanted.heat.toFixed(3));
    });
  });
}

export function head(table, names) {
  const row = element("tr");
  for (const [at, name] of names.entries()) {
    const cell = element("th", name.text ?? name, { scope: "col" });
    if (name.title) cell.title = name.title;
    if (at === 0) cell.className = "first";
    row.append(cell);
  }
  table.tHead.replaceChildren(row);
}
