// Makes elements. Text is always set as text: names come from guests and files, which may hold anything.

const svgSpace = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) {
      element.setAttribute(name, value);
    }
  }
  element.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined));
  return element;
}

export function html(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(svgSpace, name), attributes, children);
}

/** A table: columns are {title, number, cell(row)}, where a cell is text or an element. */
export function table(caption, columns, rows) {
  return html("table", {},
    html("caption", {}, caption),
    html("thead", {}, html("tr", {}, columns.map(column => html("th", { scope: "col", class: column.number ? "number" : null }, column.title)))),
    html("tbody", {}, rows.map(row => html("tr", {}, columns.map(column => html("td", { class: (column.number ? "number " : "") + (column.code ? "code" : "") }, column.cell(row) ?? ""))))));
}

export function panel(title, ...children) {
  return html("section", { class: "panel", "aria-label": title }, html("h3", {}, title), children);
}
