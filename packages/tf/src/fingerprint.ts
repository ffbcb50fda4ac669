// The engine fingerprint: what must be equal for two runs with equal seeds to give bit-equal numbers.
import { readdirSync, readFileSync } from "node:fs";
import type { EngineFingerprint } from "@saphena/contracts";
import { visibleDevices } from "./environment.ts";

export type { EngineFingerprint };

/** From widest to narrowest: the vendor kernels choose their code path by the first one the processor has. */
const X86_INSTRUCTION_SETS = ["amx_tile", "avx512_bf16", "avx512f", "avx2", "avx", "sse4_2"] as const;
const ARM_INSTRUCTION_SETS = ["sve2", "sve", "asimd"] as const;

/** The widest instruction set named by the text of /proc/cpuinfo, or `architecture` where the text names none. */
export function instructionSetOf(cpuInfo: string, architecture: string): string {
  const flags = new Set(/^(?:flags|Features)\s*:(.*)$/m.exec(cpuInfo)?.[1]?.trim().split(/\s+/) ?? []);
  return [...X86_INSTRUCTION_SETS, ...ARM_INSTRUCTION_SETS].find((name) => flags.has(name)) ?? architecture;
}

/**
 * `cpu`, or `gpu:<model>` with the model the NVIDIA driver reports. `drivenGpus` are the driver's texts about the machine's GPUs and
 * `visible` is CUDA_VISIBLE_DEVICES: workers name the one GPU of a slot by its UUID. Where it names none (an index, a part of a split
 * card) and the machine has unlike GPUs, all models are named, because which one CUDA took cannot be told.
 */
export function deviceKindOf(usesGpu: boolean, drivenGpus: readonly string[], visible: string | null = null): string {
  if (!usesGpu) return "cpu";
  const field = (text: string, name: string): string => new RegExp(`^${name}:\\s*(.+)$`, "m").exec(text)?.[1]?.trim() ?? "";
  const uuid = /^GPU-[^,]+$/i.exec(visible ?? "")?.[0].toLowerCase();
  const named = drivenGpus.filter((text) => uuid !== undefined && field(text, "GPU UUID").toLowerCase().startsWith(uuid));
  const models = (named.length === 1 ? named : drivenGpus).map((text) => field(text, "Model")).filter((model) => model !== "");
  return `gpu:${models.length === 0 ? "unknown" : [...new Set(models)].sort().join(" or ")}`;
}

/** Raised when Saphena's own kernels (native/) begin to give other bits. */
const KERNELS_VERSION = 1;

/** Whether this processor runs Saphena's own kernels. Set-up compiles them where it can. */
export function supportsOwnKernels(): boolean {
  const set = instructionSetOf(readText("/proc/cpuinfo") ?? "", process.arch);
  return ["amx_tile", "avx512_bf16", "avx512f", "avx2"].includes(set);
}

/** The fingerprint of this process's engine on this machine. */
export function fingerprintOf(engine: {
  tensorflowVersion: string;
  usesGpu: boolean;
  threads: number;
  vendorKernelsOff: boolean;
  ownKernels: boolean;
}): EngineFingerprint {
  const kernels = engine.ownKernels ? ` with kernels ${KERNELS_VERSION}` : "";
  return {
    engine: `tensorflow-native${kernels}${engine.vendorKernelsOff ? " without oneDNN" : ""}`,
    tensorflowVersion: engine.tensorflowVersion,
    deviceKind: deviceKindOf(engine.usesGpu, engine.usesGpu ? readGpuInformation() : [], visibleDevices()),
    instructionSet: instructionSetOf(readText("/proc/cpuinfo") ?? "", process.arch),
    threads: engine.threads,
  };
}

/** The WASM engine computes alike on every processor and on one thread, whatever is asked for. */
export function wasmFingerprint(version: string): EngineFingerprint {
  return { engine: "tensorflow-wasm", tensorflowVersion: version, deviceKind: "cpu", instructionSet: "wasm-simd128", threads: 1 };
}

function readGpuInformation(): string[] {
  const root = "/proc/driver/nvidia/gpus";
  try {
    return readdirSync(root).flatMap((gpu) => readText(`${root}/${gpu}/information`) ?? []);
  } catch {
    return []; // no NVIDIA driver file system, as in some containers: the kind is then "gpu:unknown"
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null; // not Linux
  }
}
