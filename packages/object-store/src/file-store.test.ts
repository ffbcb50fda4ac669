import { mkdir, readdir, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { SaphenaError } from "@saphena/contracts";
import { temporaryFolder } from "@saphena/testing";
import { describe, expect, it } from "vitest";
import { openStore } from "./index.ts";
import { nameOfFileSystem } from "./network-file-system.ts";
import { UNFINISHED_FOLDER } from "./object-key.ts";
import { describeObjectStore } from "./object-store.case.ts";

describe("the file:// store", () => {
  describeObjectStore(async () => {
    // A space, a percent sign and folders that are not there yet: all must come through the URL.
    const folder = join(await temporaryFolder("store"), "new", "50% of it");
    const url = pathToFileURL(folder).href;
    return { store: await openStore(url), again: () => openStore(url), unfinished: () => readdir(join(folder, UNFINISHED_FOLDER)) };
  });

  it("refuses to follow symbolic links, for reading and for writing", async () => {
    const [outside, folder] = [await temporaryFolder("outside"), await temporaryFolder("store")];
    await writeFile(join(outside, "secret"), "secret");
    const store = await openStore(pathToFileURL(folder).href);
    await symlink(outside, join(folder, "link"));
    await symlink(join(outside, "secret"), join(folder, "file"));
    const refused = { code: "OBJECT_KEY_INVALID" };
    await expect(store.get("link/secret")).rejects.toMatchObject(refused);
    await expect(store.put("link/new", "x")).rejects.toMatchObject(refused);
    await expect(store.create("link/deep/new", "x")).rejects.toMatchObject(refused);
    await expect(store.delete("link/secret")).rejects.toMatchObject(refused);
    await expect(store.get("file")).rejects.toMatchObject(refused);
    await expect(store.create("file", "x")).rejects.toMatchObject(refused);
    await expect(store.list("link/")[Symbol.asyncIterator]().next()).rejects.toMatchObject(refused);
    for await (const { key } of store.list("")) throw new Error(`listed ${key}`);
    expect(await readdir(outside)).toEqual(["secret"]);
    expect(await readdir(join(folder, UNFINISHED_FOLDER))).toEqual([]);
  });

  it("may itself be reached through a symbolic link", async () => {
    const folder = await temporaryFolder("store");
    await mkdir(join(folder, "real"));
    await symlink(join(folder, "real"), join(folder, "alias"));
    const store = await openStore(pathToFileURL(join(folder, "alias")).href);
    expect(await store.create("a/b", "x")).toBe("created");
    expect(await readdir(join(folder, "real", "a"))).toEqual(["b"]);
  });

  it("goes on when a folder it made was removed", async () => {
    const folder = await temporaryFolder("store");
    const store = await openStore(pathToFileURL(folder).href);
    await store.put("a/b/one", "1");
    await rm(join(folder, "a"), { recursive: true });
    expect(await store.create("a/b/two", "2")).toBe("created");
  });

  it("says that an object cannot be a folder too", async () => {
    const store = await openStore(pathToFileURL(await temporaryFolder("store")).href);
    await store.put("a", "x");
    await store.put("b/c", "x");
    for (const write of ["put", "create"] as const)
      for (const key of ["a/b", "b"]) await expect(store[write](key, "x")).rejects.toMatchObject({ code: "OBJECT_KEY_INVALID" });
  });

  it("removes day-old unfinished files when it is opened, and leaves those of live writers", async () => {
    const folder = await temporaryFolder("store");
    const unfinished = join(folder, UNFINISHED_FOLDER);
    await mkdir(unfinished);
    await Promise.all(["old", "new"].map((name) => writeFile(join(unfinished, name), "")));
    await utimes(join(unfinished, "old"), new Date(0), new Date(0));
    await openStore(pathToFileURL(folder).href);
    expect(await readdir(unfinished)).toEqual(["new"]);
  });

  it("says why it cannot be opened", async () => {
    const folder = await temporaryFolder("store");
    await writeFile(join(folder, "file"), "");
    await expect(openStore(pathToFileURL(join(folder, "file", "store")).href)).rejects.toBeInstanceOf(SaphenaError);
    for (const url of ["file:///", "file://host/a", "/a", "http://user:secret@host/a", "file:///a?b"]) {
      const error = await openStore(url).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "STORE_URL_INVALID" });
      expect(String(error)).not.toContain("secret");
    }
  });
});

describe("network file systems", () => {
  it("are told by the type of statfs, with and without its sign", () => {
    expect(nameOfFileSystem(0x6969)).toBe("NFS");
    expect(nameOfFileSystem(0xff534d42)).toBe("CIFS");
    expect(nameOfFileSystem(0xff534d42 | 0)).toBe("CIFS");
    expect(nameOfFileSystem(0xef53)).toBeNull(); // ext4
  });
});
