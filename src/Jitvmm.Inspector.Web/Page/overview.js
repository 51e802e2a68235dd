// What the guest does now and did since somebody looks.
import { html, panel, table } from "./elements.js";
import { address, counted, short, whole } from "./format.js";
import { chart } from "./charts.js";
import { flame } from "./flame.js";
import * as source from "./source.js";

/** Kinds of exits that have a curve of their own; the others are one. */
const mostKinds = 5;

function tiles(now, attached) {
  const per = attached ? " per second" : " per second of the run";
  const facts = [
    ["Instructions" + per, short(now["instructions-per-second"])],
    ["of them compiled", now["instructions-per-second"] > 0 ? Math.round(100 * now["compiled-per-second"] / now["instructions-per-second"]) + "%" : "none"],
    ["Exits" + per, short(now["exits-per-second"])],
    ["Translations", counted(now.blocks, "block")],
    ["Compiled", counted(now.regions, "region")],
    ["Code cache", short(now["cache-bytes"], "B")],
    ["Invalidations" + per, short(now["invalidations-per-second"])],
  ];
  return html("dl", { class: "tiles" }, facts.map(([name, value]) => html("div", {}, html("dt", {}, name), html("dd", {}, value))));
}

function exitSeries(samples) {
  const sums = new Map();
  for (const sample of samples) {
    for (const [kind, rate] of Object.entries(sample.exits)) {
      sums.set(kind, (sums.get(kind) ?? 0) + rate);
    }
  }
  const kinds = [...sums].filter(([, sum]) => sum > 0).sort((a, b) => b[1] - a[1]).map(([kind]) => kind);
  const own = kinds.slice(0, mostKinds);
  const series = own.map((kind, i) => ({ name: kind, colour: i + 1, values: samples.map(sample => sample.exits[kind] ?? 0) }));
  if (kinds.length > mostKinds) {
    series.push({ name: "others", colour: 6, values: samples.map(sample => kinds.slice(mostKinds).reduce((sum, kind) => sum + (sample.exits[kind] ?? 0), 0)) });
  }
  return series;
}

function charts(samples) {
  const times = samples.map(sample => sample.ms);
  const values = name => samples.map(sample => sample[name]);
  // Where nothing ran, the guest is still where it was.
  let last = 0;
  const share = samples.map(sample => {
    const all = sample.interpreted + sample.compiled;
    last = all > 0 ? 100 * sample.compiled / all : last;
    return last;
  });
  return html("div", { class: "charts" },
    panel("Instructions per second by tier", chart("Instructions per second", times, [
      { name: "tier 1", colour: 1, values: values("compiled") }, { name: "tier 0", colour: 2, values: values("interpreted") }], { stacked: true })),
    panel("Tier residency", chart("Share of instructions", times, [
      { name: "tier 1", colour: 1, values: share }, { name: "tier 0", colour: 2, values: share.map(each => 100 - each) }], { stacked: true, suffix: "%" })),
    panel("Exits per second by kind", chart("Exits per second", times, exitSeries(samples))),
    panel("Code cache", chart("Bytes of the code cache", times, [{ name: "size", colour: 3, values: values("cache-bytes") }], { suffix: "B" })));
}

function blocksTable(rows) {
  return table("Hottest blocks", [
    { title: "Share", number: true, cell: row => row.percent.toFixed(1) + "%" },
    { title: "Instructions/s", number: true, cell: row => short(row["instructions-per-second"]) },
    { title: "Executions/s", number: true, cell: row => short(row["executions-per-second"]) },
    { title: "Tier", number: true, cell: row => String(row.tier) },
    { title: "Address", code: true, cell: row => html("a", { href: "#/region/" + row.address }, address(row.address)) },
    { title: "Symbol", cell: row => row.symbol },
  ], rows);
}

function exitTable(exits) {
  return table("Exits of the whole run", [
    { title: "Kind", cell: row => row.kind },
    { title: "Count", number: true, cell: row => whole(row.count) },
    { title: "Places", number: true, cell: row => whole(row.places) },
  ], [...exits.kinds].sort((a, b) => b.count - a.count));
}

/** data: the overview with all samples so far. */
export async function showOverview(data) {
  const now = data.now;
  const parts = [html("h2", {}, "Overview"), tiles(now, data.attached)];
  if (data.samples.length > 1) {
    parts.push(charts(data.samples.slice(1)));
  } else if (!data.attached) {
    parts.push(html("p", { class: "note" }, "A cache file has sums of a whole run; what happens over time is shown of a guest that runs (--attach)."));
  }
  parts.push(
    panel("What runs", now.rows.length > 0 ? flame(now.rows) : html("p", {}, "Nothing ran since the last look."), html("p", { class: "note" }, "Above everything stand the regions, above those their blocks, each as wide as the instructions it executes.")),
    panel("Hottest blocks", blocksTable(now.rows.slice(0, 25))),
    panel("Exits", exitTable(await source.exits())));
  return parts;
}
