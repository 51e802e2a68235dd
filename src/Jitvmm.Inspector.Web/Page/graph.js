// How control goes in a region: blocks in layers, each below what leads to it, as SVG.
import { svg } from "./elements.js";
import { address, short } from "./format.js";

const boxWidth = 250;
const lineHeight = 16;
const mostLines = 8;
const gapX = 30;
const gapY = 44;

/** Rows have their middle where it is seen before anybody scrolls. */
const inSight = 1300;

/** Layers by the longest way from an entry, edges back left out. */
function layersOf(blocks, edges) {
  const next = new Map(blocks.map(block => [block.address, []]));
  for (const edge of edges) {
    if (next.has(edge.from) && next.has(edge.to)) {
      next.get(edge.from).push(edge.to);
    }
  }
  const back = new Set();
  const state = new Map();
  const order = [];
  // Depth first with a list of its own: a region has up to hundreds of blocks in a row.
  const visit = start => {
    const stack = [[start, 0]];
    state.set(start, "open");
    while (stack.length > 0) {
      const frame = stack.at(-1);
      const [at, position] = frame;
      const to = next.get(at)[position];
      frame[1]++;
      if (to === undefined) {
        state.set(at, "done");
        order.unshift(at);
        stack.pop();
      } else if (state.get(to) === "open") {
        back.add(at + ">" + to);
      } else if (!state.has(to)) {
        state.set(to, "open");
        stack.push([to, 0]);
      }
    }
  };
  for (const block of [...blocks].sort((a, b) => (a.entry ?? 1e9) - (b.entry ?? 1e9))) {
    if (!state.has(block.address)) {
      visit(block.address);
    }
  }
  const layer = new Map(order.map(at => [at, 0]));
  for (const at of order) {
    for (const to of next.get(at)) {
      if (!back.has(at + ">" + to)) {
        layer.set(to, Math.max(layer.get(to), layer.get(at) + 1));
      }
    }
  }
  return { layer, back };
}

/** region: a report with blocks, edges and instructions. */
export function graph(region) {
  const blocks = region.blocks;
  const inside = new Set(blocks.map(block => block.address));
  const edges = (region.edges ?? []).filter(edge => inside.has(edge.to));
  const { layer, back } = layersOf(blocks, edges);
  const hottest = Math.max(1, ...blocks.map(block => block.executions));
  const rows = [];
  for (const block of blocks) {
    (rows[layer.get(block.address)] ??= []).push(block);
  }
  const widest = Math.max(...rows.map(row => row.length));
  const total = widest * (boxWidth + gapX) + 80;
  const places = new Map();
  let y = 10;
  for (const row of rows) {
    const start = Math.max(10, (Math.min(total, inSight) - row.length * (boxWidth + gapX)) / 2);
    let tallest = 0;
    row.forEach((block, i) => {
      const lines = region.instructions.filter(each => each.block === block.address).map(each => each.instruction);
      const shown = lines.length > mostLines ? [...lines.slice(0, mostLines - 1), `… ${lines.length - mostLines + 1} more`] : lines;
      const height = (shown.length + 1) * lineHeight + 14;
      places.set(block.address, { x: start + i * (boxWidth + gapX), y, height, shown });
      tallest = Math.max(tallest, height);
    });
    y += tallest + gapY;
  }
  const picture = svg("svg", { class: "graph", viewBox: `0 0 ${total} ${y}`, role: "group", "aria-label": `Control flow: ${blocks.length} blocks, ${edges.length} edges; the table behind it has them all` });
  picture.style.width = total + "px";
  const arrow = (name, kind) => svg("marker", { id: name, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, orient: "auto" }, svg("path", { class: "arrow " + kind, d: "M0,0L8,4L0,8z" }));
  picture.append(svg("defs", {}, arrow("forth", ""), arrow("back", "back")));
  let turns = 0;
  for (const edge of edges) {
    const from = places.get(edge.from);
    const to = places.get(edge.to);
    const isBack = back.has(edge.from + ">" + edge.to);
    const x1 = from.x + boxWidth / 2;
    const x2 = to.x + boxWidth / 2;
    const y1 = from.y + from.height;
    // Each way back has a line of its own beside the boxes.
    const side = Math.max(from.x, to.x) + boxWidth + 8 + 6 * (turns % 4);
    turns += isBack ? 1 : 0;
    const d = isBack
      ? `M${x1 + 60},${y1}v${8 + 3 * (turns % 4)}H${side}V${to.y - 10}H${x2 + 60}V${to.y}`
      : `M${x1},${y1}C${x1},${y1 + gapY * 0.7} ${x2},${to.y - gapY * 0.7} ${x2},${to.y}`;
    picture.append(svg("path", { class: isBack ? "back" : null, d, "marker-end": isBack ? "url(#back)" : "url(#forth)" }));
    if (edge.count !== null && !isBack) {
      picture.append(svg("text", { class: "quiet", x: (x1 + x2) / 2 + 6, y: (y1 + to.y) / 2 + 4 }, short(edge.count)));
    }
  }
  for (const block of blocks) {
    const at = places.get(block.address);
    const group = svg("g", { class: block.entry !== null ? "entry" : null, transform: `translate(${at.x},${at.y})` },
      svg("rect", { width: boxWidth, height: at.height, rx: 4 }),
      svg("rect", { class: "hot", x: 0, y: at.height - 4, width: Math.max(2, boxWidth * block.executions / hottest), height: 4 }),
      svg("text", { x: 8, y: 20, "font-weight": "bold" }, `${address(block.address)} × ${short(block.executions)}`));
    at.shown.forEach((line, i) => group.append(svg("text", { x: 8, y: 20 + (i + 1) * lineHeight }, line.length > 32 ? line.slice(0, 31) + "…" : line)));
    picture.append(group);
  }
  return picture;
}
