// Health of an HTTP service of a container: `node service-health.mjs PORT`. Exit 0 when /readyz answers 200.
const port = process.argv[2];
const response = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(4_000) }).catch(() => null);
process.exit(response?.ok === true ? 0 : 1);
