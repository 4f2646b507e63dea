/** A bucket of an S3-compatible store and how to reach it. */
export interface S3StorageOptions {
  bucket: string;
  /** What requests are signed for, such as `eu-central-1`; stores without regions want any word. */
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** Address of the store; Amazon's for the region when left out. */
  endpoint?: string;
  /** Whether the bucket stands in the path instead of in the host name; false when left out. */
  forcePathStyle?: boolean;
  /** Folder of the bucket that holds the objects, without slashes around it; the whole bucket when left out. */
  prefix?: string;
  /**
   * Milliseconds without an answer, or without a byte of one, after which an attempt is given up;
   * 120,000. A read waits 20,000 at most for the beginning of its answer.
   */
  timeout?: number;
  /** Attempts in all for a call that failed for a passing reason; 4. */
  attempts?: number;
}
