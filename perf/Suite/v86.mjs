// Boots a Linux kernel in v86, headless, until its first process says "started": node v86.mjs PACKAGE KERNEL INITRD COMMAND-LINE
import { readFileSync } from "node:fs";

const [folder, kernel, initrd, commandLine] = process.argv.slice(2);
const { V86 } = await import(`${folder}/build/libv86.mjs`);
const fileFrom = (path) => {
  const bytes = readFileSync(path);
  return { buffer: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) };
};

const machine = new V86({
  wasm_path: `${folder}/build/v86.wasm`,
  bios: fileFrom("/usr/share/seabios/bios.bin"),
  vga_bios: fileFrom("/usr/share/seabios/vgabios-stdvga.bin"),
  bzimage: fileFrom(kernel),
  initrd: fileFrom(initrd),
  cmdline: commandLine,
  memory_size: 256 << 20,
  disable_speaker: true,
  autostart: true,
});

let line = "";
machine.add_listener("serial0-output-byte", (byte) => {
  const character = String.fromCharCode(byte);
  process.stdout.write(character);
  if (character !== "\n") {
    line += character;
  } else if (line.trim() === "started") {
    process.exit(0);
  } else {
    line = "";
  }
});
