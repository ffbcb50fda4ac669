// `--set path=value`: settings of one run on top of the sweep file.
import { SaphenaError, applyParameters } from "@saphena/contracts";
import type { SettingValue, SweepSpec, TrialConfig } from "@saphena/contracts";
import { usageError } from "../failure.ts";

/** The file's model and train with the settings put in; paths and values are checked as for a trial's parameters. */
export function configOf(spec: SweepSpec, settings: readonly string[]): TrialConfig {
  try {
    return applyParameters({ model: spec.model, train: spec.train }, parseSettings(settings));
  } catch (thrown) {
    // The file has no such parameter: it was said on the command line.
    if (!(thrown instanceof SaphenaError) || thrown.code !== "SWEEP_FILE_INVALID" || settings.length === 0) throw thrown;
    const what = thrown.message.replace(/^[^:]*: /, "").replaceAll("parameters.", "");
    throw usageError(`--set: ${what}`, thrown.hint);
  }
}

export function parseSettings(settings: readonly string[]): Record<string, SettingValue> {
  const entries = settings.map((text): [string, SettingValue] => {
    const at = text.indexOf("=");
    if (at < 1) throw usageError(`--set ${JSON.stringify(text)} is not path=value`, "for example --set train.optimizer.learningRate=0.02");
    return [text.slice(0, at), parseValue(text.slice(at + 1))];
  });
  return Object.fromEntries(entries);
}

/** A number, boolean or list of numbers such as [1,2.5] where it reads as one, else the text. */
function parseValue(text: string): SettingValue {
  if (text === "true" || text === "false") return text === "true";
  const list = /^\[(.+)\]$/.exec(text)?.[1]?.split(",").map(Number);
  if (list?.every(Number.isFinite) === true) return list;
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}
