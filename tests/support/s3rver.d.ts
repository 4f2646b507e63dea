declare module "s3rver" {
  import type { AddressInfo } from "node:net";

  /** https://github.com/jamhall/s3rver, as far as the tests use it. */
  class S3rver {
    readonly logger: { close(): void };
    constructor(options: {
      address: string;
      port: number;
      silent: boolean;
      directory: string;
      vhostBuckets: boolean;
      configureBuckets: { name: string }[];
    });
    run(): Promise<AddressInfo>;
    close(): Promise<void>;
  }
  export = S3rver;
}
