// Is the process alive, and can it do its work?
import { API, SaphenaError } from "@saphena/contracts";
import type { ObjectStore } from "@saphena/object-store";
import type { LiveState } from "@saphena/queue";
import type { Api } from "@saphena/service";

const STORE_MS = 3000;

export function healthRoutes(app: Api, { state, store }: { state: LiveState; store: ObjectStore }): void {
  app.get("/healthz", { schema: { hide: true } }, () => ({ ok: true }));
  app.get("/readyz", { schema: { hide: true } }, async () => {
    await Promise.all([state.ping(), assertReachable(store)]);
    return { ok: true };
  });
  app.get(`${API}/openapi.json`, { schema: { hide: true } }, () => app.swagger());
}

async function assertReachable(store: ObjectStore): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new SaphenaError("STORE_UNREACHABLE", `no answer within ${STORE_MS / 1000} s`)), STORE_MS);
  });
  try {
    await Promise.race([store.head("probe/ready"), late]);
  } finally {
    clearTimeout(timer);
  }
}
