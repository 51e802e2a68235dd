// A region in every form it has on its way to the host, side by side, and how control goes in it.
import { html, panel, svg, table } from "./elements.js";
import { address, counted, short, whole } from "./format.js";
import { graph } from "./graph.js";
import * as source from "./source.js";

/** The columns aligned by guest instruction. One that the cache does not have is left out. */
const columns = [
  { name: "ir", title: "IR", lines: region => region.ir, text: line => line.operation, isDead: line => line["after-passes"] === "dead" },
  { name: "il", title: "IL", lines: region => region.il, text: line => line.operation, isDead: () => false },
  { name: "cs", title: "C#", lines: region => region.cs, text: line => line.source, isDead: () => false },
];

/** Lines of a column by the guest instruction they belong to. */
function byAddress(lines) {
  const found = new Map();
  for (const line of lines) {
    const known = found.get(line.address);
    if (known) {
      known.push(line);
    } else {
      found.set(line.address, [line]);
    }
  }
  return found;
}

function heat(executions, hottest) {
  // Counts differ by powers of ten: so does the bar.
  const part = executions > 0 ? Math.max(0.04, Math.log(executions + 1) / Math.log(hottest + 1)) : 0;
  return svg("svg", { class: "heat", viewBox: "0 0 60 11", "aria-hidden": "true" },
    svg("rect", { class: "empty", width: 60, height: 11 }), svg("rect", { width: 60 * part, height: 11 }));
}

function listing(region) {
  const present = columns.filter(column => column.lines(region)?.length > 0).map(column => ({ ...column, of: byAddress(column.lines(region)) }));
  const hottest = Math.max(1, ...region.instructions.map(each => each.executions));
  const seen = new Set();
  const rows = region.instructions.map((each, i) => {
    const isFirst = !seen.has(each.address);
    seen.add(each.address);
    return html("tr", { class: i > 0 && each.block !== region.instructions[i - 1].block ? "boundary" : null },
      html("td", { class: "number" }, heat(each.executions, hottest), short(each.executions)),
      html("td", { class: "code" }, address(each.address)),
      html("td", { class: "code" }, each.instruction),
      present.map(column => html("td", { class: "code column-" + column.name },
        isFirst ? (column.of.get(each.address) ?? []).map(line => html("div", { class: column.isDead(line) ? "dead" : null }, column.text(line))) : null)));
  });
  const head = ["Executions", "Address", "Guest", ...present.map(column => column.title)];
  const body = html("table", { class: "columns" },
    html("caption", {}, html("span", { class: "stay" }, "Guest instructions with what was made of each; IR that the passes found dead is struck through")),
    html("thead", {}, html("tr", {}, head.map((title, i) => html("th", { scope: "col", class: i === 0 ? "number" : i > 2 ? "column-" + present[i - 3].name : null }, title)))),
    html("tbody", {}, rows));
  const switches = present.length === 0 ? null : html("fieldset", { class: "switches" }, html("legend", {}, "Columns"), present.map(column => {
    const box = html("input", { type: "checkbox", checked: "" });
    box.addEventListener("change", () => body.querySelectorAll(".column-" + column.name).forEach(cell => { cell.hidden = !box.checked; }));
    return html("label", {}, box, " " + column.title);
  }));
  return [switches, html("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Instructions" }, body)];
}

function hostListing(region) {
  return html("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Host code" }, table("What RyuJIT made of the whole region", [
    { title: "Offset", number: true, code: true, cell: row => row.offset.toString(16) },
    { title: "Bytes", code: true, cell: row => row.bytes },
    { title: "Instruction", code: true, cell: row => row.instruction },
  ], region.host));
}

export async function showRegion(at) {
  const region = await source.region(at);
  if (!region || region.found === 0) {
    return [html("h2", {}, "No code at " + address(at)), html("p", {}, source.isSaved ? "This page was saved with the hottest regions only." : "The guest did not go there.")];
  }
  const name = region.symbol || address(region.address);
  const parts = [html("h2", {}, region.region === undefined ? `Block ${name}` : `Region ${region.region}: ${name}`)];
  if (region.region !== undefined) {
    parts.push(html("p", {}, `${counted(region.blocks.length, "block")}, ${counted(region["instructions-in-region"], "instruction")}, ${counted(region["host-bytes"], "byte")} of host code, compiled in ${(region["compile-us"] / 1000).toFixed(1)} ms; ${region.state}`));
  }
  if (region.note) {
    parts.push(html("p", { class: "note" }, region.note));
  }
  parts.push(panel("Instructions", listing(region)));
  if (region.edges?.length > 0) {
    parts.push(panel("Control flow", html("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Control flow" }, graph(region)), html("details", {}, html("summary", {}, "As a table"), table("Edges", [
      { title: "From", code: true, cell: row => address(row.from) },
      { title: "To", code: true, cell: row => address(row.to) },
      { title: "Count", number: true, cell: row => row.count === null ? "" : whole(row.count) },
      { title: "", cell: row => row.leaves },
    ], region.edges))));
  }
  if (region.host?.length > 0) {
    parts.push(panel("Host code", hostListing(region)));
  }
  return parts;
}
