import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createCloudinaryStorage,
  parseCloudinaryUrl,
  type CloudinaryStorageOptions,
  type Storage,
} from "../../../src/services/storage";
import {
  startCloudinaryStandIn,
  type CloudinaryStandIn,
  type StandInOperation,
} from "../../support/cloudinary-stand-in";

export const VIDEO = "videos/66f0a1b2c3d4e5f601020304/4f9c1d.mp4";
export const VIDEO_ASSET = "video/authenticated/videos/66f0a1b2c3d4e5f601020304/4f9c1d";

/** Patient enough for a busy machine, quick enough for a test of silence. */
export const QUICK = { retryDelay: 1, timeout: 700 };

export function storageAt(
  standIn: CloudinaryStandIn,
  options: Partial<CloudinaryStorageOptions> = {},
): Storage {
  return createCloudinaryStorage({ ...parseCloudinaryUrl(standIn.url), ...QUICK, ...options });
}

/** A stand-in of each test's own, with the storage that speaks to it. */
export class CloudinarySetUp {
  standIn!: CloudinaryStandIn;
  storage!: Storage;
  folder!: string;
  /** Where the file stands that is put next. */
  source!: string;

  async put(content: Buffer | string, key = VIDEO, to = this.storage): Promise<void> {
    await writeFile(this.source, content);
    await to.put(key, this.source, key.endsWith(".webp") ? "image/webp" : "video/mp4");
  }

  count(operation: StandInOperation): number {
    return this.standIn.requests.filter((request) => request.operation === operation).length;
  }
}

/** Sets one up before each test of the block and takes it down behind it. */
export function useCloudinary(): CloudinarySetUp {
  const at = new CloudinarySetUp();
  beforeEach(async () => {
    at.folder = await mkdtemp(join(tmpdir(), "storage-cloudinary-"));
    at.source = join(at.folder, "source");
    at.standIn = await startCloudinaryStandIn();
    at.storage = storageAt(at.standIn);
  });
  afterEach(async () => {
    await at.standIn.stop();
    await rm(at.folder, { recursive: true });
  });
  return at;
}

/** The reason of what has to be rejected. */
export function failure(act: Promise<unknown>): Promise<Error> {
  return act.then(
    () => Promise.reject(new Error("It should have failed")),
    (error: Error) => error,
  );
}
