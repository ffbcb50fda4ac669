// Decides what `saphena doctor` says about the devices: the first cause that keeps the engine from a GPU, with the command that mends it.
// Pure: the facts come from device-facts.ts.
import type { EngineVariant, NvidiaDriver, NvidiaGpu, TensorflowProbe } from "@saphena/setup";
import type { Check } from "./check.ts";

export interface DeviceFacts {
  /** CPUs and memory, as text. */
  machine: string;
  /** The installed variant; null = no engine, which its own check reports. */
  engine: EngineVariant | null;
  /** Whether set-up has the CUDA variant for this platform. */
  cudaOffered: boolean;
  driver: NvidiaDriver;
  /** Oldest driver that the CUDA libraries run on. */
  driverFloor: string;
  /** CUDA_VISIBLE_DEVICES; null = not set, and then all are visible. An empty text hides all. */
  visibleDevices: string | null;
  /** What the CUDA variant says itself; null = not asked, as the CPU variant sees no GPU anyway. */
  probe: TensorflowProbe | null;
  /** Libraries that do not load: CUDA's and the driver's. */
  refused: { library: string; said: string }[];
}

export type DeviceFinding =
  | { kind: "no-gpu" }
  | { kind: "gpus-used"; devices: string[]; installed: number; driverListed: boolean }
  | { kind: "engine-for-cpu"; gpus: NvidiaGpu[] }
  | { kind: "driver-missing"; hardware: boolean }
  | { kind: "driver-silent"; said: string }
  | { kind: "driver-too-old"; version: string; floor: string }
  | { kind: "all-hidden"; value: string; installed: number }
  | { kind: "libraries-missing"; refused: DeviceFacts["refused"] }
  | { kind: "engine-fails"; said: string }
  | { kind: "not-seen"; gpus: NvidiaGpu[]; said: string | null };

/** What TensorFlow uses comes first; else causes from the bottom up: driver, its age, hidden devices, libraries, TensorFlow itself. */
export function findDevices(facts: DeviceFacts): DeviceFinding {
  const { driver, engine, probe } = facts;
  if (engine === "cuda" && probe?.kind === "loaded" && probe.usesGpu) {
    const installed = driver.kind === "answers" ? driver.gpus.length : 0;
    return { kind: "gpus-used", devices: probe.devices, installed, driverListed: driver.kind === "answers" };
  }
  if (driver.kind === "silent") return { kind: "driver-silent", said: driver.said };
  if (driver.kind === "absent")
    return engine === "cuda" || driver.hardware ? { kind: "driver-missing", hardware: driver.hardware } : { kind: "no-gpu" };
  return engine === "cuda" ? whyUnused(facts, driver) : { kind: "engine-for-cpu", gpus: driver.gpus };
}

function whyUnused(
  { driverFloor, visibleDevices, refused, probe }: DeviceFacts,
  driver: NvidiaDriver & { kind: "answers" },
): DeviceFinding {
  const { version, gpus } = driver;
  if (isOlder(version, driverFloor)) return { kind: "driver-too-old", version, floor: driverFloor };
  if (visibleDevices !== null && hidesAll(visibleDevices, gpus))
    return { kind: "all-hidden", value: visibleDevices, installed: gpus.length };
  if (refused.length > 0) return { kind: "libraries-missing", refused };
  if (probe?.kind === "failed") return { kind: "engine-fails", said: probe.said };
  return { kind: "not-seen", gpus, said: probe?.complaints.at(-1) ?? null };
}

/** The line of the report. Red only where somebody chose the engine for GPUs and it cannot have one that is there. */
export function deviceCheck(facts: DeviceFacts): Check {
  const { state, detail, remedy } = describe(findDevices(facts), facts);
  return { name: "devices", state, detail: `${facts.machine}; ${detail}`, remedy };
}

type Description = Omit<Check, "name">;

function describe(finding: DeviceFinding, { engine, cudaOffered }: DeviceFacts): Description {
  const failed = engine === "cuda" ? "bad" : "note";
  switch (finding.kind) {
    case "no-gpu":
      return { state: "ok", detail: "no NVIDIA GPU", remedy: null };
    case "gpus-used":
      return describeUsed(finding);
    case "engine-for-cpu":
      return describeUnused(finding.gpus, cudaOffered);
    case "driver-missing":
      return describeDriverless(finding.hardware, failed);
    case "driver-silent":
      return { state: failed, detail: `nvidia-smi gives no answer: ${finding.said}`, remedy: ASK_DRIVER };
    case "driver-too-old":
      return {
        state: "bad",
        detail: `NVIDIA driver ${finding.version} is too old for CUDA 12`,
        remedy: `install driver ${finding.floor} or newer, then reboot; ${BACK_TO_CPU}`,
      };
    case "all-hidden":
      return {
        state: "note",
        detail: `CUDA_VISIBLE_DEVICES=${JSON.stringify(finding.value)} hides every GPU (there ${finding.installed === 1 ? "is 1" : `are ${finding.installed}`})`,
        remedy: "run `unset CUDA_VISIBLE_DEVICES`, or name indices or UUIDs that `nvidia-smi -L` lists",
      };
    case "libraries-missing":
      return { state: "bad", detail: describeRefused(finding.refused), remedy: remedyForRefused(finding.refused) };
    case "engine-fails":
      return { state: "bad", detail: `the engine for GPUs does not start: ${finding.said}`, remedy: `${FETCH_AGAIN}; ${BACK_TO_CPU}` };
    case "not-seen":
      return describeUnseen(finding);
  }
}

const INSTALL_DRIVER =
  "install the NVIDIA driver (Ubuntu: sudo ubuntu-drivers install; Debian: sudo apt-get install nvidia-driver), in a container give it the GPU (docker run --gpus all)";
const BACK_TO_CPU = "to stay with the CPU, run `npm run setup -- --cpu`";

const ASK_DRIVER = "make `nvidia-smi` list the GPUs; after an update of the driver, reboot";
const FETCH_AGAIN = "run `npm run setup -- --gpu`, which fetches again what is damaged";
const IN_CONTAINER = "in a container, set NVIDIA_DRIVER_CAPABILITIES=compute,utility";

function describeUsed({ devices, installed, driverListed }: DeviceFinding & { kind: "gpus-used" }): Description {
  const seen = devices.length === 0 ? "TensorFlow uses a GPU" : `TensorFlow sees ${devices.join("; ")}`;
  // Workers ask nvidia-smi how many slots to open, so without it they open CPU slots.
  if (!driverListed)
    return { state: "note", detail: `${seen}, but nvidia-smi lists none`, remedy: `put nvidia-smi on PATH; ${IN_CONTAINER}` };
  const some = devices.length > 0 && devices.length < installed;
  return { state: "ok", detail: some ? `${seen} (${devices.length} of ${installed} GPUs)` : seen, remedy: null };
}

function describeUnused(gpus: readonly NvidiaGpu[], cudaOffered: boolean): Description {
  if (!cudaOffered) return { state: "ok", detail: `${names(gpus)}; there is no engine for GPUs on this platform`, remedy: null };
  return { state: "note", detail: `${names(gpus)}, which the engine for the CPU does not use`, remedy: "run `npm run setup -- --gpu`" };
}

function describeDriverless(hardware: boolean, failed: Check["state"]): Description {
  if (hardware) return { state: failed, detail: "an NVIDIA GPU without a driver: nvidia-smi is not on PATH", remedy: INSTALL_DRIVER };
  const detail = "no NVIDIA GPU and no driver, so the engine for GPUs computes on the CPU";
  return { state: "note", detail, remedy: `${INSTALL_DRIVER}; ${BACK_TO_CPU}` };
}

function describeUnseen({ gpus, said }: DeviceFinding & { kind: "not-seen" }): Description {
  const detail = `${names(gpus)}, but TensorFlow sees no GPU${said === null ? "" : `: ${said}`}`;
  return { state: "bad", detail, remedy: `look at \`nvidia-smi\` for a card that is lost or in exclusive use; ${BACK_TO_CPU}` };
}

function describeRefused(refused: DeviceFacts["refused"]): string {
  const [first, ...others] = refused;
  if (first === undefined) return "the CUDA libraries load";
  return `${first.library} does not load: ${first.said}${others.length === 0 ? "" : ` (and ${others.length} more)`}`;
}

/** Two come from elsewhere: libcuda with the driver, and zlib, which cuDNN needs, with the system. */
function remedyForRefused(refused: DeviceFacts["refused"]): string {
  if (refused.some(({ library }) => library === "libcuda.so.1"))
    return `install the driver's CUDA library (Debian: sudo apt-get install libcuda1); ${IN_CONTAINER}`;
  if (refused.some(({ said }) => said.startsWith("libz.so.1"))) return "install zlib (Debian/Ubuntu: sudo apt-get install zlib1g)";
  return FETCH_AGAIN;
}

/** `2 x NVIDIA H100 80GB HBM3 (81559 MiB)` */
function names(gpus: readonly NvidiaGpu[]): string {
  const texts = gpus.map(({ name, memoryMib }) => (memoryMib === null ? name : `${name} (${memoryMib} MiB)`));
  return [...new Set(texts)]
    .map((text) => {
      const count = texts.filter((other) => other === text).length;
      return count === 1 ? text : `${count} x ${text}`;
    })
    .join(", ");
}

/** Dotted numbers, compared part by part. */
function isOlder(version: string, floor: string): boolean {
  const parts = version.split(".").map(Number);
  for (const [at, wanted] of floor.split(".").map(Number).entries()) {
    const part = parts[at] ?? 0;
    if (part !== wanted) return part < wanted;
  }
  return false;
}

/** As CUDA reads it, the list ends at the first entry that names no device: all is hidden when that is the first one. */
function hidesAll(value: string, gpus: readonly NvidiaGpu[]): boolean {
  const first = value.split(",", 1)[0]?.trim() ?? "";
  // Instances of a split card are not in the list of cards; TensorFlow's answer decides about them.
  if (/^MIG-/i.test(first)) return false;
  if (/^\d+$/.test(first)) return !gpus.some(({ index }) => index === Number(first));
  return !/^GPU-/i.test(first) || !gpus.some(({ uuid }) => uuid.toLowerCase().startsWith(first.toLowerCase()));
}
