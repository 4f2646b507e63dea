import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createS3Storage,
  type S3StorageOptions,
  type Storage,
} from "../../../src/services/storage";
import { startS3Store, type S3Operation, type S3Store } from "../../support/s3-store";

export const VIDEO = "videos/66f0a1b2c3d4e5f601020304/4f9c1d.mp4";
export const UNAVAILABLE = { code: "STORAGE_UNAVAILABLE" };

export function storageAt(store: S3Store, options?: Partial<S3StorageOptions>): Storage {
  return createS3Storage({ ...store.options, ...options });
}

/** A store of each test's own, with the storage that speaks to it. */
export class S3SetUp {
  store!: S3Store;
  storage!: Storage;
  folder!: string;
  /** Where the file stands that is put next. */
  source!: string;

  async put(content: string | Buffer, to = this.storage): Promise<void> {
    await writeFile(this.source, content);
    await to.put(VIDEO, this.source, "video/mp4");
  }

  count(operation: S3Operation): number {
    return this.store.operations.filter((name) => name === operation).length;
  }
}

/** Sets one up before each test of the block and takes it down behind it. */
export function useS3(): S3SetUp {
  const at = new S3SetUp();
  beforeEach(async () => {
    at.store = await startS3Store();
    at.storage = storageAt(at.store);
    at.folder = await mkdtemp(join(tmpdir(), "storage-s3-"));
    at.source = join(at.folder, "source");
  });
  afterEach(async () => {
    await at.store.stop();
    await rm(at.folder, { recursive: true });
  });
  return at;
}
