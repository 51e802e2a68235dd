// Numbers, addresses and times as text.

const units = ["", "k", "M", "G", "T", "P"];

/** 12345678 as "12.3M". */
export function short(number, suffix = "") {
  let unit = 0;
  while (Math.abs(number) >= 1000 && unit < units.length - 1) {
    number /= 1000;
    unit++;
  }
  return (unit === 0 ? Math.round(number).toString() : number.toFixed(number < 10 ? 2 : number < 100 ? 1 : 0)) + units[unit] + suffix;
}

export function whole(number) {
  return number.toLocaleString("en");
}

/** A count with its noun. */
export function counted(number, noun) {
  return `${whole(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** Milliseconds of the recording as seconds. */
export function seconds(ms) {
  return (ms / 1000).toFixed(ms < 100000 ? 1 : 0) + " s";
}

export function percent(part, all) {
  return all > 0 ? (100 * part / all).toFixed(1) + "%" : "0%";
}

/** "0x401007" without its prefix. */
export function address(text) {
  return text.replace(/^0x/, "");
}

/** A symbol, and where there is none, the address. */
export function place(row) {
  return row.symbol || address(row.address);
}
