// Numbers as people read them. Data for programs goes out as JSON and is never rounded.

/** A score with four decimals; a dash where there is no data, which is not 0. */
export function formatScore(value: number | null | undefined): string {
  return value === null || value === undefined ? "-" : value.toFixed(4);
}

/** A hyperparameter with at most four significant digits: `0.01`, `3.162e-4`, `16`, `sgd`. */
export function formatParameter(value: number | string | boolean | undefined): string {
  if (value === undefined) return "";
  if (typeof value !== "number" || Number.isInteger(value)) return String(value);
  const rounded = Number(value.toPrecision(4));
  return Math.abs(rounded) >= 1e-3 ? String(rounded) : rounded.toExponential();
}

/** `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 90) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return hours % 24 === 0 ? `${hours / 24} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `512 B`, `3.4 MB`. */
export function formatBytes(sizeBytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, sizeBytes < 1 ? 0 : Math.floor(Math.log10(sizeBytes) / 3));
  const value = sizeBytes / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

/** `2026-11-24 15:03`, local time. */
export function formatTime(atMs: number): string {
  const at = new Date(atMs);
  const two = (n: number): string => String(n).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** `1 trial`, `3 trials`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
