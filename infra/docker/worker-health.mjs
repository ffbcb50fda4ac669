// Health of a worker, as the scheduler sees it: exit 0 when a worker of this host has sent its heartbeat.
import { hostname } from "node:os";

const { SAPHENA_URL, SAPHENA_TOKEN } = process.env;
const headers = SAPHENA_TOKEN === undefined ? {} : { authorization: `Bearer ${SAPHENA_TOKEN}` };
const response = await fetch(`${SAPHENA_URL}/api/v1/workers`, { headers, signal: AbortSignal.timeout(4_000) }).catch(() => null);
const workers = response?.ok === true ? await response.json() : [];
process.exit(workers.some(({ host }) => host === hostname()) ? 0 : 1);
