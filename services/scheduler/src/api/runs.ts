// /runs: one run and its log; /pools and /workers: what autoscalers and people read.
import {
  API,
  SaphenaError,
  errorReplySchema,
  isFinal,
  parseRunId,
  poolStatusSchema,
  runKeys,
  runLogSchema,
  runStatusSchema,
  workerStatusSchema,
} from "@saphena/contracts";
import type { LiveRun } from "@saphena/contracts";
import type { ObjectStore } from "@saphena/object-store";
import type { LiveState } from "@saphena/queue";
import { z } from "zod";
import { readResult } from "../run-result.ts";
import type { Api } from "@saphena/service";

const runParams = z.object({ run: z.string().max(64) });

export function runRoutes(app: Api, parts: { state: LiveState; store: ObjectStore }): void {
  const { state } = parts;
  const known = async (id: string): Promise<LiveRun> => {
    const run = parseRunId(id) === null ? null : await state.run(id);
    if (run === null) throw new SaphenaError("RUN_NOT_FOUND", id);
    return run;
  };
  app.get(
    `${API}/runs/:run`,
    { schema: { tags: ["runs"], summary: "One run", params: runParams, response: { 200: runStatusSchema, 404: errorReplySchema } } },
    async (request) => known(request.params.run),
  );
  app.get(
    `${API}/runs/:run/log`,
    {
      schema: {
        tags: ["runs"],
        summary: "Its log: the newest lines while it runs, all of it afterwards",
        params: runParams,
        response: { 200: runLogSchema, 404: errorReplySchema },
      },
    },
    async (request) => ({ lines: await logLines(parts, await known(request.params.run)) }),
  );
  app.get(
    `${API}/pools`,
    {
      schema: {
        tags: ["workers"],
        summary: "Slots, running, waiting and backlog of every pool",
        response: { 200: z.array(poolStatusSchema) },
      },
    },
    () => state.pools(),
  );
  app.get(
    `${API}/workers`,
    { schema: { tags: ["workers"], summary: "Living workers and what they run", response: { 200: z.array(workerStatusSchema) } } },
    () => state.workers(),
  );
}

async function logLines({ state, store }: { state: LiveState; store: ObjectStore }, run: LiveRun): Promise<string[]> {
  const result = isFinal(run.state) ? await readResult(store, run) : null;
  const file = result?.files.find(({ role }) => role === "log");
  if (result === null || file === undefined) return state.logTail(run.id);
  const body = await store.get(runKeys.attemptFile(result, result.attempt, file.name), { sha256: file.sha256 });
  return Buffer.from(body)
    .toString()
    .split("\n")
    .filter((line) => line !== "");
}
