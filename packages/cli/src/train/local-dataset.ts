// `saphena train --data SRC`: a manifest or folder on this machine, checked as an import would check it, used where it lies.
import { SaphenaError, datasetNameSchema } from "@saphena/contracts";
import { importDataset, localFiles } from "@saphena/dataset";
import { counter } from "../counter.ts";
import { warn } from "../terminal.ts";
import type { TrainingData } from "./training-data.ts";

/** Throws MANIFEST_UNREADABLE, or MANIFEST_INVALID with every bad row and file. */
export async function localDataset(source: string, reference: string): Promise<TrainingData> {
  const [name = ""] = reference.split("@");
  if (!datasetNameSchema.safeParse(name).success) throw new SaphenaError("DATASET_NAME_INVALID", JSON.stringify(reference));
  const reader = localFiles;
  const progress = counter("checked");
  const { record, rows, files, warnings } = await importDataset({ name, source, reader, onProgress: progress.show });
  progress.end();
  for (const warning of warnings) warn(warning);
  return {
    record,
    rows,
    readObject: (sha256) => {
      const path = files.get(sha256);
      if (path === undefined) throw new SaphenaError("OBJECT_NOT_FOUND", sha256);
      return reader.read(path);
    },
    close: () => Promise.resolve(),
  };
}
