// Blocks, and searching them.
import { html, panel, table } from "./elements.js";
import { address, counted, whole } from "./format.js";
import * as source from "./source.js";

export async function showBlocks(text) {
  const found = await source.search(text);
  const shown = found.rows.length < found.blocks && text === "" ? `the hottest ${whole(found.rows.length)} of ${whole(found.blocks)} blocks` : counted(found.rows.length, "block");
  return [
    html("h2", {}, text ? `Blocks found for “${text}”` : "Blocks"),
    html("p", { role: "status" }, shown),
    panel("Blocks", table(text ? "Found, hottest first" : "Hottest first", [
      { title: "Address", code: true, cell: row => html("a", { href: "#/region/" + row.address }, address(row.address)) },
      { title: "Executions", number: true, cell: row => whole(row.executions) },
      { title: "Tier 0", number: true, cell: row => whole(row.interpreted) },
      { title: "Tier 1", number: true, cell: row => whole(row.compiled) },
      { title: "Instructions", number: true, cell: row => whole(row.instructions) },
      { title: "Exits", number: true, cell: row => whole(row.exits) },
      { title: "Invalidations", number: true, cell: row => whole(row.invalidations) },
      { title: "State", cell: row => row.state },
      { title: "Symbol", cell: row => row.symbol },
    ], found.rows)),
  ];
}
