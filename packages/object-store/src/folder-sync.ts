// Makes folder entries durable with as few fsyncs as honesty allows: many creates into one folder share one fsync, and a folder whose own
// entry is durable is not synced again for it.
import { closeSync, constants, fsync, openSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";

interface FolderSync {
  running: Promise<void>;
  /** The one that starts when `running` ends; everybody who asks meanwhile waits for it. */
  next: Promise<void> | null;
}

const MAX_KNOWN_FOLDERS = 100_000;

export class DurableFolders {
  readonly #root: string;
  readonly #syncs = new Map<string, FolderSync>();
  /** Folders whose entries up to the root are on disk. */
  readonly #durable = new Set<string>();

  /** `root` must exist and be durable. */
  constructor(root: string) {
    this.#root = root;
    this.#durable.add(root);
  }

  /** The folder was made anew, so its entry is not on disk. */
  forget(folder: string): void {
    this.#durable.delete(folder);
  }

  /** Resolves when the entries of `folder`, and the folder's own entry up to the root, are on disk. */
  async commit(folder: string): Promise<void> {
    const pending: string[] = [];
    for (let at = folder; !this.#durable.has(at); at = dirname(at)) pending.push(at);
    // Whether another process made such a folder and has synced it is unknown, so its parent is synced here too.
    await Promise.all([...new Set([folder, ...pending.map((made) => dirname(made))])].map((each) => this.#sync(each)));
    if (this.#durable.size > MAX_KNOWN_FOLDERS) {
      this.#durable.clear();
      this.#durable.add(this.#root);
    }
    for (const made of pending) this.#durable.add(made);
  }

  /** An fsync that begins after this call; one that is running already may have begun before the entry was made. */
  #sync(folder: string): Promise<void> {
    const sync = this.#syncs.get(folder);
    if (sync === undefined) {
      const first: FolderSync = { running: fsyncFolder(folder), next: null };
      this.#syncs.set(folder, first);
      this.#clearWhenIdle(folder, first);
      return first.running;
    }
    sync.next ??= sync.running
      .catch(() => undefined)
      .then(() => {
        sync.next = null;
        sync.running = fsyncFolder(folder);
        this.#clearWhenIdle(folder, sync);
        return sync.running;
      });
    return sync.next;
  }

  #clearWhenIdle(folder: string, sync: FolderSync): void {
    const clear = (): void => {
      if (sync.next === null && this.#syncs.get(folder) === sync) this.#syncs.delete(folder);
    };
    sync.running.then(clear, clear);
  }
}

export const fsyncFile: (fd: number) => Promise<void> = promisify(fsync);

export async function fsyncFolder(folder: string): Promise<void> {
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await fsyncFile(fd);
  } finally {
    closeSync(fd);
  }
}
