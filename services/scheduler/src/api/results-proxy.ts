// /results goes to the aggregator. Each request carries the id of the newest outcome, so that the answer holds at least what its asker
// may know already: `saphena trials` right after `--watch` ended shows every trial.
import { fastifyHttpProxy } from "@fastify/http-proxy";
import { API, SaphenaError } from "@saphena/contracts";
import type { LiveState } from "@saphena/queue";
import type { FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { sendError } from "@saphena/service";
import type { Api } from "@saphena/service";

const AFTER = "x-saphena-after";
/** A rebuild of the index reads every result there is. */
const ANSWER_MS = 600_000;

export async function resultRoutes(
  app: Api,
  { state, aggregatorUrl, log }: { state: LiveState; aggregatorUrl: string; log: Logger },
): Promise<void> {
  const after = new WeakMap<FastifyRequest, string>();
  await app.register(async (scope) => {
    scope.addHook("preHandler", async (request) => {
      after.set(request, (await state.lastIds()).outcomes);
    });
    await scope.register(fastifyHttpProxy, {
      upstream: aggregatorUrl,
      prefix: `${API}/results`,
      rewritePrefix: `${API}/results`,
      http: { requestOptions: { timeout: ANSWER_MS } },
      replyOptions: {
        rewriteRequestHeaders: (request, headers) => ({ ...headers, [AFTER]: after.get(request as FastifyRequest) ?? "0-0" }),
        onError: (reply, { error }) => {
          log.warn({ err: error }, "the aggregator does not answer");
          void sendError(
            reply as Parameters<typeof sendError>[0],
            new SaphenaError("SERVER_NOT_READY", "the aggregator does not answer"),
            log,
          );
        },
      },
    });
  });
}
