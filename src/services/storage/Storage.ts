import type { Readable } from "node:stream";
import type { ByteRange } from "../../utils/byte-range";

/**
 * Where media objects live. An object is written once under a key made by the product
 * (`videos/<id>/<random>.mp4`, `users/<id>/<random>.webp`), read many times and deleted; it is
 * never changed. The database holds keys only, so objects can move between storages.
 *
 * A key consists of segments of `a-z 0-9 . _ -` joined by `/`, none of them empty or beginning
 * with a dot, and ends in an extension; anything else is a `StorageRequestError`. Two keys of one
 * storage differ in more than their extension. Keys under `users/` are public. Everything else is
 * private: no address leads to it except through the API, which asks first who may see it.
 *
 * Every method rejects with `StorageUnavailableError` when the storage cannot do its work now.
 */
export interface Storage {
  readonly name: "local" | "cloudinary" | "s3";

  /**
   * Stores the finished file at `sourcePath`. Uploads and jobs call it once the file is checked.
   * It resolves when the object is durable, and only then is the source gone; after a failure the
   * source is untouched and nothing half-made can be seen. `StorageFullError` when no space is
   * left. Putting the same file under the same key again is harmless.
   */
  put(key: string, sourcePath: string, contentType: string): Promise<void>;

  /**
   * Opens the object, or the given bytes of it. The range starts inside the object; an `end` past
   * its last byte means the last byte. Destroying the stream ends the transfer. Rejects with
   * `StorageNotFoundError` when there is no object, `StorageRequestError` when the range starts
   * outside it. A failure during the transfer destroys the stream with an error.
   */
  get(key: string, range?: ByteRange): Promise<Readable>;

  /**
   * Places the object at `targetPath`, where nothing may be yet, for a job that works on it. The
   * file is the caller's to read, move and delete, not to write into: it may be a hard link.
   * Rejects like `get`, and then leaves no file.
   */
  download(key: string, targetPath: string): Promise<void>;

  /**
   * Stores the object `source` under another key too, as an object of its own: deleting one leaves
   * the other. Absent where a storage cannot do that without moving the bytes. Unlike `put` it does
   * not wait for the disk.
   */
  link?(key: string, source: string): Promise<void>;

  /** The object's size in bytes, or null when there is none. */
  stat(key: string): Promise<{ size: number } | null>;

  /** Deletes the object; deleting what is not there is no error. */
  delete(key: string): Promise<void>;

  /** The address at which the storage itself serves a public object, or null when the API has to. */
  url(key: string): string | null;

  /**
   * An address at which the storage itself serves the object, byte ranges included, as
   * `contentType` to whoever has the address, for `expiresInSeconds`. Whether the object exists is
   * not asked. Absent where a storage cannot do that.
   */
  signedUrl?(key: string, expiresInSeconds: number, contentType: string): Promise<string>;

  /** What the storage makes of videos by itself. Absent where the product has to. */
  readonly streaming?: StorageStreaming;

  /** Rejects when objects cannot be stored right now. The readiness check calls it often. */
  check(): Promise<void>;
}

/**
 * Adaptive playback (HLS, RFC 8216) that a storage derives from a stored video by itself. A stream
 * goes when its video is deleted. The methods reject like those of `Storage`.
 */
interface StorageStreaming {
  /**
   * Orders the stream of a stored video, which the storage makes some time later. Ordering again is
   * harmless, and the way to repeat one that failed. `StorageNotFoundError` when there is no video.
   */
  order(key: string): Promise<void>;

  /**
   * Whether the stream is there, whole. The storage tells nobody who asks that making it failed, so
   * whoever ordered needs a time after which to order again or to give up. An account may ask a few
   * hundred times an hour.
   */
  isReady(key: string): Promise<boolean>;

  /**
   * The text of a playlist of the stream: the one that a playlist names `name`, or the master
   * playlist. Its URIs are names for `playlist` and `get`, of the characters `A-Z a-z 0-9 . _ -`,
   * to be resolved beside it. They are signed: a name that no playlist of this video has given is
   * a `StorageNotFoundError`, and so is a stream that is not ready.
   */
  playlist(key: string, name?: string): Promise<string>;

  /** Opens a file of the stream, or the given bytes of it, like `Storage.get`. */
  get(key: string, name: string, range?: ByteRange): Promise<Readable>;
}
