// Where the page's data come from: the server it came from, or the page itself when it was saved.

const element = document.getElementById("saved");
const saved = element ? JSON.parse(element.textContent) : null;

export const isSaved = saved !== null;

async function get(path) {
  const response = await fetch("data/" + path, { cache: "no-store" });
  if (response.status === 404) {
    return null;
  }
  if (!response.ok) {
    throw new Error(await response.text());
  }
  return response.json();
}

export async function overview(from) {
  return saved ? saved.overview : get("overview?from=" + from);
}

export async function exits() {
  return saved ? saved.exits : get("exits");
}

export async function invalidations() {
  return saved ? saved.invalidations : get("invalidations");
}

/** Blocks by a part of their symbol's name, or by address. */
export async function search(text) {
  if (!saved) {
    return get("search?text=" + encodeURIComponent(text));
  }
  const bare = text.replace(/^0x/, "");
  return { ...saved.search, rows: saved.search.rows.filter(row => row.symbol.includes(text) || row.address.slice(2) === bare) };
}

/** The region at an address; null when there is none, or the saved page was made without it. */
export async function region(at) {
  if (!saved) {
    return get("region?address=" + encodeURIComponent(at));
  }
  return saved.regions.find(each => each.address === at)
    ?? saved.regions.find(each => each.blocks?.some(block => block.address === at))
    ?? null;
}
