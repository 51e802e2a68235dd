// What threw translations away, and when.
import { html, panel, svg, table } from "./elements.js";
import { address, seconds, short, whole } from "./format.js";
import * as source from "./source.js";

const width = 1200;
const left = 230;
const rowHeight = 20;
const mostRows = 40;

function timeline(rows) {
  const last = Math.max(1, ...rows.map(row => row["last-ms"]));
  const x = ms => left + (width - left - 20) * ms / last;
  const shown = rows.slice(0, mostRows);
  const height = shown.length * rowHeight + 30;
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Invalidations of ${shown.length} blocks from the run's start to ${seconds(last)}; the table has them all` });
  shown.forEach((row, i) => {
    const y = i * rowHeight + 12;
    const name = `${row["block-symbol"] || address(row.block)} by ${row.cause}`;
    picture.append(
      svg("text", { x: left - 8, y: y + 4, "text-anchor": "end" }, name.length > 34 ? name.slice(0, 33) + "…" : name),
      svg("line", { class: "axis", x1: left, x2: width - 20, y1: y, y2: y }),
      svg("rect", { class: "c1", x: x(row["first-ms"]), y: y - 4, width: Math.max(3, x(row["last-ms"]) - x(row["first-ms"])), height: 8, rx: 3 }, svg("title", {}, `${name}: ${row.count} times from ${seconds(row["first-ms"])} to ${seconds(row["last-ms"])}`)),
      svg("text", { class: "quiet", x: Math.min(x(row["last-ms"]) + 6, width - 50), y: y + 4 }, short(row.count)));
  });
  picture.append(svg("text", { class: "quiet", x: left, y: height - 4 }, "0 s"), svg("text", { class: "quiet", x: width - 20, y: height - 4, "text-anchor": "end" }, seconds(last)));
  return picture;
}

export async function showInvalidations() {
  const data = await source.invalidations();
  const parts = [html("h2", {}, "Invalidations"), html("p", {}, `${whole(data.invalidations)} translations were thrown away because their code changed.`)];
  if (data.rows.length > 0) {
    parts.push(panel("Timeline", timeline(data.rows)), panel("What wrote where", table("Most often first", [
      { title: "Count", number: true, cell: row => whole(row.count) },
      { title: "Block", code: true, cell: row => html("a", { href: "#/region/" + row.block }, address(row.block)) },
      { title: "Symbol", cell: row => row["block-symbol"] },
      { title: "Cause", cell: row => row.cause },
      { title: "Writer", code: true, cell: row => row.writer === null ? "" : html("a", { href: "#/region/" + row.writer }, address(row.writer)) },
      { title: "Its symbol", cell: row => row["writer-symbol"] },
      { title: "Bytes", number: true, cell: row => whole(row.bytes) },
      { title: "First", number: true, cell: row => seconds(row["first-ms"]) },
      { title: "Last", number: true, cell: row => seconds(row["last-ms"]) },
    ], data.rows)));
  }
  return parts;
}
