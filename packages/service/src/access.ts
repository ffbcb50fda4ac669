// Who may talk to the server. With a token: whoever has it. Without: only this machine, and no web page that merely runs on it.
// The token that docker-compose.yml has by default is in everybody's hands, so it keeps no web page out: with it, both are asked.
import { createHash, timingSafeEqual } from "node:crypto";
import { API, SaphenaError } from "@saphena/contracts";
import type { FastifyRequest } from "fastify";
import type { Api } from "./http-server.ts";

/** The default of docker-compose.yml, which publishes on loopback only. */
const PUBLISHED_TOKEN = "loopback-only";

/** Pure. An address or name that stays on this machine. */
export function isLoopbackHost(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, "");
  return name === "localhost" || name === "::1" || name === "::ffff:127.0.0.1" || /^127(\.\d{1,3}){3}$/.test(name);
}

/** Throws TOKEN_REQUIRED. */
export function assertMayBind(host: string, token: string | null): void {
  if (token === null && !isLoopbackHost(host)) throw new SaphenaError("TOKEN_REQUIRED", host);
}

export function guard(app: Api, token: string | null): void {
  app.addHook("onRequest", (request, _reply, done) => {
    done(accessFault(request, token));
  });
}

function accessFault(request: FastifyRequest, token: string | null): SaphenaError | undefined {
  if (token === null) return webPageFault(request, isLoopbackHost);
  // Containers know each other by a name without a dot, which nobody can register.
  const here = (host: string): boolean => isLoopbackHost(host) || /^[a-z][a-z0-9-]*$/.test(host);
  return tokenFault(request, token) ?? (token === PUBLISHED_TOKEN ? webPageFault(request, here) : undefined);
}

/**
 * Pages, health and readiness hold no data; everything else is under the API. The route that matched is asked, not the URL as it was
 * written: `/%61pi/v1/sweeps` reaches the same route.
 */
function tokenFault(request: FastifyRequest, token: string): SaphenaError | undefined {
  if (!(request.routeOptions.url ?? "").startsWith(`${API}/`)) return undefined;
  return sameText(request.headers.authorization ?? "", `Bearer ${token}`) ? undefined : new SaphenaError("TOKEN_WRONG");
}

/**
 * A page of another site can make the browser send requests here: under a name that it made point to 127.0.0.1, which the Host header
 * shows, or across sites, which browsers say in Sec-Fetch-Site.
 */
function webPageFault(request: FastifyRequest, isHere: (host: string) => boolean): SaphenaError | undefined {
  const host = (request.headers.host ?? "").replace(/:\d+$/, "");
  if (!isHere(host)) return refused(`the Host header names ${JSON.stringify(host)}, not this machine`);
  const site = request.headers["sec-fetch-site"];
  const navigation = request.method === "GET" && request.headers["sec-fetch-mode"] === "navigate";
  if ((site === "cross-site" || site === "same-site") && !navigation) return refused("it comes from another web site");
  return undefined;
}

const refused = (detail: string): SaphenaError =>
  new SaphenaError("REQUEST_INVALID", detail, {
    hint: "use http://127.0.0.1:PORT, or start the server with a SAPHENA_TOKEN of your own to reach it under another name",
  });

/** Constant-time: hashes are compared, so neither content nor length shows in the time taken. */
function sameText(given: string, right: string): boolean {
  const hash = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(given), hash(right));
}
