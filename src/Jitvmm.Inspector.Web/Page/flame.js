// What runs, as a flame graph: everything, then regions, then their blocks, each as wide as the instructions it executes.
import { svg } from "./elements.js";
import { percent, place, short } from "./format.js";

const width = 1200;
const rowHeight = 26;

/** rows: of `top`, with instructions-per-second, region, address and symbol. */
export function flame(rows) {
  const all = rows.reduce((sum, row) => sum + row["instructions-per-second"], 0);
  const regions = new Map();
  for (const row of rows) {
    const key = row.region ?? -1;
    const known = regions.get(key) ?? { key, rows: [], instructions: 0 };
    known.rows.push(row);
    known.instructions += row["instructions-per-second"];
    regions.set(key, known);
  }
  const picture = svg("svg", { class: "flame", viewBox: `0 0 ${width} ${3 * rowHeight}`, role: "group", "aria-label": "Flame graph: all instructions, regions, blocks" });
  const box = (x, wide, level, text, target) => {
    const room = Math.floor((wide - 10) / 7.5);
    const label = text.length <= room ? text : room >= 5 ? text.slice(0, room - 1) + "…" : "";
    return svg("a", { href: target, class: level === 2 ? "deep" : null, "aria-label": text },
      svg("title", {}, text),
      svg("rect", { x, y: (2 - level) * rowHeight, width: Math.max(wide, 0.5), height: rowHeight - 1 }),
      svg("text", { x: x + 5, y: (2 - level) * rowHeight + 17 }, label));
  };
  picture.append(box(0, width, 0, `all: ${short(all)} instructions`, "#/blocks"));
  let x = 0;
  for (const each of [...regions.values()].sort((a, b) => b.instructions - a.instructions)) {
    const wide = width * each.instructions / Math.max(1, all);
    const hottest = each.rows[0];
    const name = each.key < 0 ? "interpreted" : `region ${each.key} ${place(hottest)}`;
    picture.append(box(x, wide, 1, `${name}: ${percent(each.instructions, all)}`, each.key < 0 ? "#/blocks" : `#/region/${hottest.address}`));
    let inside = x;
    for (const row of each.rows) {
      const part = width * row["instructions-per-second"] / Math.max(1, all);
      if (part >= 1) {
        picture.append(box(inside, part, 2, `${place(row)} (${row.address.slice(2)}): ${percent(row["instructions-per-second"], all)}`, `#/region/${row.address}`));
      }
      inside += part;
    }
    x += wide;
  }
  return picture;
}
