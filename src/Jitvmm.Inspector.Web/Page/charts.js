// Curves over time, as SVG with a legend and, for whoever cannot see it, a sentence with the last values.
import { html, svg } from "./elements.js";
import { seconds, short } from "./format.js";

const width = 640;
const height = 190;
const left = 74;
const bottom = 22;
const top = 16;

/** series: {name, values, colour 1 to 6}; stacked ones lie on each other. */
export function chart(title, times, series, { stacked = false, suffix = "" } = {}) {
  const sums = times.map((_, i) => series.reduce((sum, each) => sum + each.values[i], 0));
  const most = Math.max(1, ...(stacked ? sums : series.flatMap(each => each.values)));
  const first = times[0] ?? 0;
  const span = Math.max(1, (times.at(-1) ?? 1) - first);
  const x = time => left + (width - left - 8) * (time - first) / span;
  const y = value => top + (height - top - bottom) * (1 - value / most);
  const last = series.map(each => `${each.name} ${short(each.values.at(-1) ?? 0, suffix)}`).join(", ");
  const picture = svg("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}: now ${last}; at most ${short(most, suffix)}` });
  for (const part of [0, 0.5, 1]) {
    picture.append(
      svg("line", { class: "axis", x1: left, x2: width - 8, y1: y(most * part), y2: y(most * part) }),
      svg("text", { class: "quiet", x: left - 6, y: y(most * part) + 4, "text-anchor": "end" }, short(most * part, suffix)));
  }
  picture.append(
    svg("text", { class: "quiet", x: left, y: height - 6 }, seconds(first)),
    svg("text", { class: "quiet", x: width - 8, y: height - 6, "text-anchor": "end" }, seconds(first + span)));
  const base = times.map(() => 0);
  for (const each of series) {
    if (stacked) {
      const upper = times.map((time, i) => `${x(time)},${y(base[i] + each.values[i])}`);
      const lower = times.map((time, i) => `${x(time)},${y(base[i])}`).reverse();
      picture.append(svg("polygon", { class: `area c${each.colour}`, points: [...upper, ...lower].join(" ") }));
      each.values.forEach((value, i) => { base[i] += value; });
    } else {
      picture.append(svg("path", { class: `curve c${each.colour}`, d: "M" + times.map((time, i) => `${x(time)},${y(each.values[i])}`).join("L") }));
    }
  }
  return [picture, html("ul", { class: "legend", "aria-hidden": "true" }, series.map(each =>
    html("li", {}, svg("svg", { viewBox: "0 0 12 12" }, svg("rect", { class: `c${each.colour}`, width: 12, height: 12 })), `${each.name} ${short(each.values.at(-1) ?? 0, suffix)}`)))];
}
