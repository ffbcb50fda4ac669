// /sweeps: submit, list, look at, act upon.
import {
  API,
  SWEEP_ID,
  SaphenaError,
  errorReplySchema,
  splitsSchema,
  submitReplySchema,
  submitRequestSchema,
  sweepActionSchema,
  sweepKeys,
  sweepStatusSchema,
} from "@saphena/contracts";
import type { LiveSweep, SweepStatus } from "@saphena/contracts";
import { z } from "zod";
import { submitSweep } from "../submission.ts";
import type { SubmissionParts } from "../submission.ts";
import { editSweep } from "../sweep-edit.ts";
import type { EditParts } from "../sweep-edit.ts";
import { sweepStatus } from "../sweep-status.ts";
import type { Api } from "@saphena/service";

export const sweepParams = z.object({ sweep: z.string().max(64) });
const tags = ["sweeps"];

export function sweepRoutes(app: Api, parts: SubmissionParts & EditParts): void {
  const { state, store } = parts;
  const known = async (id: string): Promise<LiveSweep> => {
    const sweep = SWEEP_ID.test(id) ? await state.sweep(id) : null;
    if (sweep === null) throw new SaphenaError("SWEEP_NOT_FOUND", id);
    return sweep;
  };
  const status = async (id: string): Promise<SweepStatus> => {
    const [sweep, nowMs] = await Promise.all([known(id), state.nowMs()]);
    return sweepStatus(sweep, nowMs);
  };

  app.post(
    `${API}/sweeps`,
    {
      schema: {
        tags,
        summary: "Submit a sweep; the same id and file again is the same sweep",
        body: submitRequestSchema,
        response: { 200: submitReplySchema, 201: submitReplySchema, 400: errorReplySchema, 409: errorReplySchema },
      },
    },
    async (request, reply) => {
      const submitted = await submitSweep(parts, request.body);
      return reply.status(submitted.created ? 201 : 200).send(submitted);
    },
  );
  app.get(
    `${API}/sweeps`,
    { schema: { tags, summary: "All sweeps, newest first", response: { 200: z.array(sweepStatusSchema) } } },
    async () => {
      const [sweeps, nowMs] = await Promise.all([state.sweeps(), state.nowMs()]);
      return sweeps.toReversed().map((sweep) => sweepStatus(sweep, nowMs));
    },
  );
  app.get(
    `${API}/sweeps/:sweep`,
    { schema: { tags, summary: "One sweep", params: sweepParams, response: { 200: sweepStatusSchema, 404: errorReplySchema } } },
    async (request) => status(request.params.sweep),
  );
  app.post(
    `${API}/sweeps/:sweep/actions`,
    {
      schema: {
        tags,
        summary: "Pause, resume, cancel, add trials, retry failed trials",
        params: sweepParams,
        body: sweepActionSchema,
        response: { 200: sweepStatusSchema, 404: errorReplySchema, 409: errorReplySchema },
      },
    },
    async (request) => {
      const { sweep } = request.params;
      await known(sweep);
      await editSweep(parts, sweep, request.body);
      return status(sweep);
    },
  );
  app.get(
    `${API}/sweeps/:sweep/spec`,
    {
      schema: {
        tags,
        summary: "What was submitted, with every default",
        params: sweepParams,
        response: { 200: z.unknown(), 404: errorReplySchema },
      },
    },
    async (request) => (await known(request.params.sweep)).record.spec,
  );
  app.get(
    `${API}/sweeps/:sweep/splits`,
    { schema: { tags, summary: "Who is in which fold", params: sweepParams, response: { 200: splitsSchema, 404: errorReplySchema } } },
    async (request) => {
      const { record } = await known(request.params.sweep);
      return splitsSchema.parse(JSON.parse(Buffer.from(await store.get(sweepKeys.splits(record.id))).toString()));
    },
  );
}
