import type { IncomingMessage } from "node:http";
import { checkAwsSignature } from "../support/aws-signature";

/** The S3 tests mean something only if the store's gate counts as Amazon does: its own examples. */
describe("the check of AWS signatures", () => {
  const account = {
    accessKeyId: "AKIAIOSFODNN7EXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  };
  const host = "examplebucket.s3.amazonaws.com";
  const scope = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request";
  const check = (url: string, headers: Record<string, string>, body = "") =>
    checkAwsSignature(
      { method: "GET", url, headers: { host, ...headers } } as unknown as IncomingMessage,
      Buffer.from(body),
      account,
    );

  /** https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html */
  const presigned = (signature: string) =>
    `/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${encodeURIComponent(scope)}` +
    `&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=${signature}`;

  /** https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
  const ranged = (signature: string) => ({
    range: "bytes=0-9",
    "x-amz-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "x-amz-date": "20130524T000000Z",
    authorization:
      `AWS4-HMAC-SHA256 Credential=${scope},` +
      `SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=${signature}`,
  });
  const RANGED = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
  const PRESIGNED = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";

  beforeEach(() => {
    jest.useFakeTimers({ now: Date.parse("2013-05-24T00:10:00Z") });
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it("takes Amazon's examples", () => {
    expect(check("/test.txt", ranged(RANGED))).toBeNull();
    expect(check(presigned(PRESIGNED), {})).toBeNull();
  });

  it("refuses another signature, range, path, key and body, and a request without any", () => {
    expect(check("/test.txt", ranged(RANGED.replace("f", "e")))).toBe("SignatureDoesNotMatch");
    expect(check("/test.txt", { ...ranged(RANGED), range: "bytes=0-8" })).toBe(
      "SignatureDoesNotMatch",
    );
    expect(check(presigned(PRESIGNED).replace("test", "best"), {})).toBe("SignatureDoesNotMatch");
    expect(check(presigned(PRESIGNED).replace("AKIA", "BKIA"), {})).toBe("InvalidAccessKeyId");
    expect(check("/test.txt", ranged(RANGED), "body")).toBe("XAmzContentSHA256Mismatch");
    expect(check("/test.txt", {})).toBe("AccessDenied");
  });

  it("refuses what is late", () => {
    jest.setSystemTime(Date.parse("2013-05-25T00:00:00Z"));
    expect(check("/test.txt", ranged(RANGED))).toBe("RequestTimeTooSkewed");
    expect(check(presigned(PRESIGNED), {})).toBe("AccessDenied");
  });
});
