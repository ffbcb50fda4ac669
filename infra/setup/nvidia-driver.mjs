// What the NVIDIA driver says about this machine, through the program that comes with it.
import { execFile } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "./toolchain.mjs";

const QUERY = ["--query-gpu=index,uuid,name,memory.total,driver_version", "--format=csv,noheader,nounits"];
const PCI_DEVICES = "/sys/bus/pci/devices";
const NVIDIA_VENDOR = "0x10de";
/** PCI class 03xxxx: display and 3-D controllers. */
const DISPLAY_CLASS = /^0x03/;

/**
 * `{ kind: "answers", version, gpus }`, `{ kind: "silent", said }` when nvidia-smi is there but gives no answer, or `{ kind: "absent",
 * hardware }`, where `hardware` tells whether a GPU of NVIDIA is in the machine all the same. Takes as long as nvidia-smi, up to 2 s.
 */
export async function askNvidiaDriver({ env = process.env } = {}) {
  const program = findProgram("nvidia-smi", env);
  if (program === undefined) return { kind: "absent", hardware: hasNvidiaHardware() };
  return new Promise((resolve) => {
    execFile(program, QUERY, { env, timeout: 20_000 }, (error, stdout, stderr) => {
      resolve(error === null ? driverAnswer(stdout) : { kind: "silent", said: firstLine(stdout) ?? firstLine(stderr) ?? error.message });
    });
  });
}

/** From lines such as `0, GPU-5c1…, NVIDIA H100 80GB HBM3, 81559, 550.54.15`. */
export function driverAnswer(text) {
  const rows = text
    .split("\n")
    .map((line) => line.split(",").map((cell) => cell.trim()))
    .filter((cells) => cells.length === 5 && /^\d+$/.test(cells[0]));
  if (rows.length === 0) return { kind: "silent", said: firstLine(text) ?? "it lists no GPU" };
  const gpus = rows.map(([index, uuid, name, memory]) => ({ index: Number(index), uuid, name, memoryMib: Number(memory) || null }));
  return { kind: "answers", version: rows[0][4], gpus };
}

function hasNvidiaHardware() {
  if (!existsSync(PCI_DEVICES)) return false;
  const read = (device, file) => {
    try {
      return readFileSync(join(PCI_DEVICES, device, file), "utf8").trim();
    } catch {
      return "";
    }
  };
  return readdirSync(PCI_DEVICES).some((device) => read(device, "vendor") === NVIDIA_VENDOR && DISPLAY_CLASS.test(read(device, "class")));
}

function firstLine(text) {
  return text
    .split("\n")
    .map((line) => line.trim())
    .find((line) => line !== "");
}
