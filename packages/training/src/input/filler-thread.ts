// A thread that fills batches as it is told to, one after the other, and ends when it is ended or when something throws.
import { parentPort, workerData } from "node:worker_threads";
import { createBatchFiller } from "@saphena/dataset/batches";
import type { Filled, FillOrder, FillerStart } from "./filler-messages.ts";
import { viewBatch } from "./shared-batch.ts";

const { source, options, room } = workerData as FillerStart;
const fill = createBatchFiller(source, options);
const filled = (number: Filled): void => parentPort!.postMessage(number, []);

parentPort!.on("message", ({ number, place, request }: FillOrder) => {
  fill(request, viewBatch(room[place]!, request.indices.length));
  filled(number);
});
