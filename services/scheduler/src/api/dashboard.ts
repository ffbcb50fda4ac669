// The built dashboard at the front door, and the answer to every address nobody knows.
import { fastifyStatic } from "@fastify/static";
import { SaphenaError } from "@saphena/contracts";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { sendError } from "@saphena/service";
import type { Api } from "@saphena/service";

const HEADERS = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "content-security-policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; frame-ancestors 'none'",
};

/** Paths without a dot are the page's own: it looks at the address itself. */
function isPage(request: FastifyRequest): boolean {
  const path = request.url.split("?")[0]!;
  return (request.method === "GET" || request.method === "HEAD") && !path.startsWith("/api/") && !/\.[^/]*$/.test(path);
}

export async function dashboardRoutes(app: Api, { folder, log }: { folder: string; log: Logger }): Promise<void> {
  const built = await stat(join(folder, "index.html")).then(
    (file) => file.isFile(),
    () => false,
  );
  if (built) {
    await app.register(fastifyStatic, {
      root: folder,
      wildcard: true,
      // Names of assets hold their hash; the page itself must be asked for anew.
      setHeaders: (reply, path) => {
        for (const [name, value] of Object.entries(HEADERS)) reply.header(name, value);
        reply.header("cache-control", path.includes("/assets/") ? "public, immutable, max-age=31536000" : "no-cache");
      },
    });
  }
  app.setNotFoundHandler((request, reply): FastifyReply => {
    if (built && isPage(request)) return reply.sendFile("index.html");
    const hint = built || request.url !== "/" ? {} : { hint: "the dashboard is not built in this clone: npm run build" };
    return sendError(reply, new SaphenaError("ROUTE_NOT_FOUND", `${request.method} ${request.url.split("?")[0]}`, hint), log);
  });
}
