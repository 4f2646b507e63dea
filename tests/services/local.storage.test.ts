import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { createLocalStorage } from "../../src/services/storage";
import { describeStorageContract } from "./storage.contract";

describeStorageContract(async () => {
  const folder = await mkdtemp(join(tmpdir(), "storage-local-"));
  const file = join(folder, "file");
  await writeFile(file, "a file where the folder should be");
  return {
    storage: createLocalStorage({ directory: join(folder, "media") }),
    broken: createLocalStorage({ directory: file }),
    stop: () => rm(folder, { recursive: true }),
  };
});

describe("the local storage", () => {
  const key = "videos/66f0a1b2c3d4e5f601020304/4f9c1d.mp4";
  let folder: string;
  let directory: string;

  const put = async (name: string, content: string) => {
    const path = join(folder, "source");
    await writeFile(path, content);
    await createLocalStorage({ directory }).put(name, path, "video/mp4");
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "storage-local-"));
    directory = join(folder, "media");
  });

  afterEach(() => rm(folder, { recursive: true }));

  it("serves nothing by itself, public objects included", async () => {
    await put("users/1/avatar.webp", "image");
    expect(createLocalStorage({ directory }).url("users/1/avatar.webp")).toBeNull();
  });

  it("keeps objects for the next process", async () => {
    await put(key, "content");
    expect(await text(await createLocalStorage({ directory }).get(key))).toBe("content");
  });

  it("removes the folders an object leaves empty, and only those", async () => {
    await put(key, "content");
    await put("videos/other/a.mp4", "content");
    await createLocalStorage({ directory }).delete(key);
    expect(await readdir(join(directory, "videos"))).toEqual(["other"]);
    await createLocalStorage({ directory }).delete("videos/other/a.mp4");
    expect(await readdir(directory)).toEqual([]);
  });

  it("links an object to a further key that outlives the first", async () => {
    const further = "videos/66f0a1b2c3d4e5f601020305/5a0d2e.mp4";
    const storage = createLocalStorage({ directory });
    await put(key, "content");
    await storage.link!(further, key);
    await storage.delete(key);
    expect(await storage.stat(key)).toBeNull();
    expect(await text(await storage.get(further))).toBe("content");
    await storage.delete(further);
    expect(await storage.stat(further)).toBeNull();
  });

  it("takes a folder for no object", async () => {
    await mkdir(join(directory, "videos/folder.mp4"), { recursive: true });
    const storage = createLocalStorage({ directory });
    expect(await storage.stat("videos/folder.mp4")).toBeNull();
    await expect(storage.get("videos/folder.mp4")).rejects.toMatchObject({
      code: "STORAGE_NOT_FOUND",
    });
  });

  it("stores while a delete takes the empty folder away at the same moment", async () => {
    const storage = createLocalStorage({ directory });
    let isDone = false;
    const deleteAll = async () => {
      while (!isDone) {
        await storage.delete("videos/same/other.mp4");
      }
    };
    const putAll = async () => {
      for (let round = 0; round < 200; round += 1) {
        await put("videos/same/a.mp4", "content");
        await storage.delete("videos/same/a.mp4");
      }
    };
    await Promise.all([deleteAll(), putAll().finally(() => (isDone = true))]);
    expect(await readdir(directory)).toEqual([]);
  });

  it("leaves nothing behind when an object cannot be put into place", async () => {
    await mkdir(join(directory, key), { recursive: true });
    await expect(put(key, "content")).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    expect(await readFile(join(folder, "source"), "utf8")).toBe("content");
    expect(await readdir(directory)).toEqual(["videos"]);
  });

  it("leaves no probe behind and sweeps only what a killed process left long ago", async () => {
    const incoming = join(directory, ".incoming");
    await mkdir(incoming, { recursive: true });
    await writeFile(join(incoming, "old.part"), "");
    await writeFile(join(incoming, "new.part"), "");
    const twoDaysAgo = Date.now() / 1000 - 2 * 24 * 3600;
    await utimes(join(incoming, "old.part"), twoDaysAgo, twoDaysAgo);
    await createLocalStorage({ directory }).check();
    expect(await readdir(incoming)).toEqual(["new.part"]);
  });

  /** Another file system of one megabyte; only a privileged user of Linux may mount it. */
  describe("on another file system", () => {
    const canMount = process.platform === "linux" && tryMount();
    const onMount = canMount ? it : it.skip;

    beforeEach(async () => {
      await mkdir(directory);
      if (canMount) {
        mount(directory);
      }
    });

    afterEach(() => {
      if (canMount) {
        execFileSync("umount", [directory]);
      }
    });

    onMount("copies, and leaves neither source nor part behind", async () => {
      await put(key, "content");
      expect((await stat(directory)).dev).not.toBe((await stat(folder)).dev);
      expect(await readFile(join(directory, key), "utf8")).toBe("content");
      expect(existsSync(join(folder, "source"))).toBe(false);
      expect(await readdir(join(directory, ".incoming"))).toEqual([]);
    });

    onMount("downloads to another one by a copy", async () => {
      await put(key, "content");
      const target = join(folder, "downloaded");
      const storage = createLocalStorage({ directory });
      await storage.download(key, target);
      await storage.delete(key);
      expect(await readFile(target, "utf8")).toBe("content");
      await put(key, "other content");
      await expect(storage.download(key, target)).rejects.toMatchObject({
        code: "STORAGE_UNAVAILABLE",
      });
      expect(await readFile(target, "utf8")).toBe("content");
    });

    onMount("leaves no part behind when the copy cannot be put into place", async () => {
      await mkdir(join(directory, key), { recursive: true });
      await expect(put(key, "content")).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
      expect(await readdir(join(directory, ".incoming"))).toEqual([]);
      expect(existsSync(join(folder, "source"))).toBe(true);
    });

    onMount("says that it is full, leaves nothing half-made and still reads", async () => {
      await put("videos/1/a.mp4", "content");
      await expect(put(key, "x".repeat(2_000_000))).rejects.toMatchObject({
        code: "STORAGE_FULL",
      });
      expect((await stat(join(folder, "source"))).size).toBe(2_000_000);
      expect(await readdir(join(directory, ".incoming"))).toEqual([]);
      expect(await readdir(join(directory, "videos"))).toEqual(["1"]);
      expect(await text(await createLocalStorage({ directory }).get("videos/1/a.mp4"))).toBe(
        "content",
      );
    });
  });
});

function mount(directory: string): void {
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", directory], { stdio: "ignore" });
}

function tryMount(): boolean {
  const directory = execFileSync("mktemp", ["-d"], { encoding: "utf8" }).trim();
  try {
    mount(directory);
    execFileSync("umount", [directory]);
    return true;
  } catch {
    return false;
  } finally {
    execFileSync("rmdir", [directory]);
  }
}
