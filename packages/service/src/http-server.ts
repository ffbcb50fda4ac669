// The HTTP server of a service without its routes: who may talk to it, zod in and out, one shape of error.
import { SaphenaError } from "@saphena/contracts";
import { LogController, fastify } from "fastify";
import { hasZodFastifySchemaValidationErrors, serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, RawServerDefault } from "fastify";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "pino";
import { guard } from "./access.ts";

export type Api = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, FastifyBaseLogger, ZodTypeProvider>;

/** JSON bodies; routes that take more say so. */
const BODY_BYTES = 2 * 1024 * 1024;

/** `token` null: only requests from this machine to this machine are answered. */
export function createHttpServer(log: Logger, token: string | null): Api {
  const app = fastify({
    bodyLimit: BODY_BYTES,
    // Fastify has little to tell below a warning.
    loggerInstance: log.child({}, { level: log.levelVal > 40 ? log.level : "warn" }) as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    // A half-sent request must not hold a shutdown up.
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 256 },
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler((thrown, _request, reply) => sendError(reply, toSaphenaError(thrown), log));
  guard(app, token);
  return app;
}

/** The URL that was bound. Throws PORT_IN_USE. */
export async function listen(api: Api, address: { host: string; port: number }): Promise<string> {
  try {
    return await api.listen(address);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    throw new SaphenaError("PORT_IN_USE", `${address.host}:${address.port}`, { cause: error });
  }
}

/** `{ error: { code, message, hint } }` with the registry's status. */
export function sendError(reply: FastifyReply, error: SaphenaError, log: Logger): FastifyReply {
  if (error.code === "INTERNAL") log.error({ err: error.cause ?? error, url: reply.request.url }, "request failed");
  // What is inside stays inside: the log has it.
  const body = error.code === "INTERNAL" ? new SaphenaError("INTERNAL").toBody() : error.toBody();
  return reply
    .status(error.httpStatus)
    .header("content-type", "application/json; charset=utf-8")
    .serializer(JSON.stringify)
    .send({ error: body });
}

function toSaphenaError(thrown: unknown): SaphenaError {
  if (thrown instanceof SaphenaError) return thrown;
  if (hasZodFastifySchemaValidationErrors(thrown)) {
    const problems = thrown.validation
      .slice(0, 12)
      .map((issue) => `${issue.instancePath.replaceAll("/", ".").replace(/^\./, "") || "(body)"}: ${issue.message ?? "not valid"}`);
    return new SaphenaError("REQUEST_INVALID", problems.join("; "));
  }
  // Fastify's own refusals: broken JSON, another content type, a body that is too large.
  const { statusCode, message } = thrown as { statusCode?: unknown; message?: unknown };
  if (typeof statusCode === "number" && statusCode >= 400 && statusCode < 500) return new SaphenaError("REQUEST_INVALID", String(message));
  return SaphenaError.from(thrown);
}
