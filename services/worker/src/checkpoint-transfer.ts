// Checkpoints between the trainer's folder and the store: upload, note, forget the older ones; fetch one to go on from.
import { rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { SaphenaError, runKeys } from "@saphena/contracts";
import type { CheckpointRef, RunAddress, TrainerStart } from "@saphena/contracts";
import type { ObjectStore } from "@saphena/object-store";
import type { WorkerQueue } from "@saphena/queue";

export interface CheckpointTransfer {
  /** Uploads and notes a checkpoint; "stale-attempt" when another attempt has taken over. */
  keep(epoch: number, file: { path: string; sha256: string }): Promise<"ok" | "stale-attempt">;
  /** Removes every checkpoint of this run that is known here; called once nobody can go on from them. */
  forgetAll(): Promise<void>;
}

export function createCheckpointTransfer(parts: {
  store: ObjectStore;
  queue: WorkerQueue;
  address: RunAddress;
  run: string;
  attempt: number;
  keepLast: number;
  resumedFrom: CheckpointRef | null;
}): CheckpointTransfer {
  const { store, queue, address, run, attempt, keepLast } = parts;
  const kept: string[] = parts.resumedFrom === null ? [] : [parts.resumedFrom.key];
  return {
    async keep(epoch, file) {
      // The trainer names a file by its position, step included: the upload of a new one never touches the one that is noted.
      const key = runKeys.attemptFile(address, attempt, basename(file.path));
      const { sha256, sizeBytes } = await store.upload(key, file.path);
      const noted = await queue.recordCheckpoint(run, { attempt, epoch, key, sha256, sizeBytes });
      // Noted first, removed after: a crash in between leaves an orphan, never a note that points to nothing.
      if (noted.reply !== "ok") {
        await store.delete(key);
        return "stale-attempt";
      }
      await rm(file.path, { force: true });
      const again = kept.indexOf(key);
      if (again >= 0) kept.splice(again, 1);
      kept.push(key);
      for (const old of kept.splice(0, Math.max(0, kept.length - keepLast))) await store.delete(old);
      return "ok";
    },
    async forgetAll() {
      for (const key of kept.splice(0)) await store.delete(key);
    },
  };
}

/**
 * The checkpoint as a local file, or null when there is none or it is lost for good: the run then starts from the beginning, and says so.
 * Throws what may pass, such as STORE_UNREACHABLE: another attempt may still go on from it.
 */
export async function fetchCheckpoint(
  store: ObjectStore,
  checkpoint: CheckpointRef | null,
  folder: string,
  say: (message: string) => void,
): Promise<TrainerStart["checkpoint"]> {
  if (checkpoint === null) return null;
  const path = join(folder, "resume.safetensors");
  try {
    await store.download(checkpoint.key, path, { sha256: checkpoint.sha256 });
    return { path, sha256: checkpoint.sha256, epoch: checkpoint.epoch };
  } catch (error) {
    if (!(error instanceof SaphenaError) || (error.code !== "OBJECT_NOT_FOUND" && error.code !== "OBJECT_CORRUPT")) throw error;
    say(`the checkpoint of epoch ${checkpoint.epoch} cannot be used (${error.message}); starting from the beginning`);
    return null;
  }
}
