import { pathToFileURL } from "node:url";
import { temporaryFolder } from "@saphena/testing";
import { describe, expect, it } from "vitest";
import { openStore, probeConditionalWrites, type ObjectStore } from "./index.ts";

describe("the probe for conditional writes", () => {
  /** A real store whose `create` is replaced by what an unsuitable one does. */
  const withCreate = async (
    create: (store: ObjectStore, key: string, body: Uint8Array | string) => Promise<"created" | "lost">,
  ): Promise<ObjectStore> => {
    const store = await openStore(pathToFileURL(await temporaryFolder("store")).href);
    return Object.assign(Object.create(store) as ObjectStore, {
      url: store.url,
      create: (key: string, body: Uint8Array | string) => create(store, key, body),
      get: (key: string) => store.get(key),
      delete: (key: string) => store.delete(key),
    });
  };

  it("refuses a store that lets both racers win", async () => {
    const store = await withCreate(async (real, key, body) => {
      await real.put(key, body);
      return "created";
    });
    await expect(probeConditionalWrites(store)).rejects.toMatchObject({ code: "STORE_UNSUITABLE" });
  });

  it("refuses a store that checks first and writes then", async () => {
    const store = await withCreate(async (real, key, body) => {
      if ((await real.head(key)) !== null) return "lost";
      await real.put(key, body);
      return "created";
    });
    await expect(probeConditionalWrites(store)).rejects.toMatchObject({ code: "STORE_UNSUITABLE" });
  });

  it("refuses a store whose losers overwrite", async () => {
    const store = await withCreate(async (real, key, body) => {
      const outcome = await real.create(key, body);
      if (outcome === "lost") await real.put(key, body);
      return outcome;
    });
    await expect(probeConditionalWrites(store)).rejects.toMatchObject({ code: "STORE_UNSUITABLE" });
  });
});
