// Which view is shown, what the keyboard does, and looking again at a guest that runs.
import { html } from "./elements.js";
import { seconds } from "./format.js";
import { showOverview } from "./overview.js";
import { showBlocks } from "./blocks.js";
import { showRegion } from "./region.js";
import { showInvalidations } from "./invalidations.js";
import * as source from "./source.js";

const refreshMs = 1000;
const main = document.getElementById("main");
const state = document.getElementById("state");
const query = document.getElementById("query");

/** The overview with every sample so far. */
let known = null;
let asked = 0;

async function look() {
  const from = known ? known["first-sample"] + known.samples.length : 0;
  const data = await source.overview(from);
  if (known && !source.isSaved) {
    data.samples = [...known.samples, ...data.samples];
    data["first-sample"] = known["first-sample"];
  }
  known = data;
  document.getElementById("program").textContent = data.facts.program;
  document.title = "Jitvmm inspector: " + data.facts.program;
  const text = source.isSaved ? "saved page" : data.live ? "running" : data.attached ? data.problem : "cache file";
  if (state.dataset.text !== text) {
    // Only changes are for the screen reader; the time is not.
    state.dataset.text = text;
    state.replaceChildren(text);
  }
  main.dataset.recordedMs = data.now["recorded-ms"];
}

async function parts() {
  const [view, ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  const argument = decodeURIComponent(rest.join("/"));
  switch (view) {
    case "blocks": return ["#/blocks", await showBlocks(argument)];
    case "region": return ["#/blocks", await showRegion(argument)];
    case "invalidations": return ["#/invalidations", await showInvalidations()];
    default: return ["#/overview", await showOverview(known)];
  }
}

async function show(isNew) {
  const number = ++asked;
  let link = "";
  let content;
  try {
    [link, content] = await parts();
  } catch (error) {
    content = [html("h2", {}, "The page cannot go on"), html("p", { role: "alert" }, error.message)];
  }
  if (number !== asked) {
    return;
  }
  // Who is at a link by the keyboard stays there when the view is drawn anew.
  const held = isNew ? null : document.activeElement?.closest?.("main a")?.getAttribute("href");
  main.replaceChildren(...content.flat());
  if (held) {
    [...main.querySelectorAll("a")].find(each => each.getAttribute("href") === held)?.focus({ preventScroll: true });
  }
  for (const each of document.querySelectorAll("nav a")) {
    if (each.getAttribute("href") === link) {
      each.setAttribute("aria-current", "page");
    } else {
      each.removeAttribute("aria-current");
    }
  }
}

async function refresh() {
  try {
    await look();
    const isOverview = /^#?\/?(overview)?$/.test(location.hash);
    if (isOverview) {
      await show(false);
    }
  } catch {
    state.replaceChildren("jitvmm inspect has ended");
    return;
  }
  if (known.live) {
    setTimeout(refresh, refreshMs);
  }
}

addEventListener("hashchange", async () => {
  await show(true);
  main.focus();
  scrollTo(0, 0);
});

document.getElementById("search").addEventListener("submit", event => {
  event.preventDefault();
  location.hash = "#/blocks/" + encodeURIComponent(query.value.trim());
});

document.querySelector(".skip").addEventListener("click", event => {
  event.preventDefault();
  main.focus();
});

addEventListener("keydown", event => {
  if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && document.activeElement !== query) {
    event.preventDefault();
    query.focus();
    query.select();
  }
});

await look();
await show(true);
if (known.live && !source.isSaved) {
  setTimeout(refresh, refreshMs);
}
