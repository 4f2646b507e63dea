import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { v2 as sdk } from "cloudinary";
import type { Asset } from "./cloudinary.api";
import { failureOf, failureOfAnswer, failureOfStatus } from "./cloudinary.failure";
import type { CloudinaryStorageOptions } from "./cloudinary.options";
import { bodyOf, createAgent, send, type HttpRequest } from "./http";
import type { ByteRange } from "../../utils/byte-range";

export type CloudinaryDelivery = ReturnType<typeof createCloudinaryDelivery>;

/**
 * Reads objects from Cloudinary's delivery network, by signed address, once per call. The sizes
 * come from there too, not from the Admin API, which allows a few hundred calls an hour and would
 * be asked on every playback. Rejects with CloudinaryFailure.
 */
export function createCloudinaryDelivery(options: CloudinaryStorageOptions, timeout: number) {
  const { cloudName, apiSecret, signatureAlgorithm } = options;
  const origin = options.secure === false ? "http:" : "https:";
  const agent = createAgent(origin, { keepAlive: true });

  const urlOf = (asset: Asset): string =>
    sdk.url(asset.publicId, {
      cloud_name: cloudName,
      api_secret: apiSecret,
      signature_algorithm: signatureAlgorithm,
      secure: options.secure ?? true,
      secure_distribution: options.secureDistribution,
      cname: options.cname,
      private_cdn: options.privateCdn,
      resource_type: asset.resourceType,
      type: asset.type,
      format: asset.format,
      raw_transformation: asset.transformation,
      sign_url: asset.type === "authenticated",
      urlAnalytics: false,
    });

  const ask = async (
    asset: Asset,
    method: HttpRequest["method"],
    headers?: HttpRequest["headers"],
  ): Promise<IncomingMessage> => {
    try {
      return await send(urlOf(asset), { method, headers, agent, timeout });
    } catch (thrown) {
      throw failureOf(thrown, [apiSecret]);
    }
  };

  return {
    urlOf,

    /** The size in bytes, or null when there is no such object. */
    async head(asset: Asset): Promise<number | null> {
      const answer = await ask(asset, "HEAD");
      answer.resume();
      if (answer.statusCode === 404) {
        return null;
      }
      const size = Number(answer.headers["content-length"] ?? NaN);
      assertStatus(answer, 200);
      if (!Number.isSafeInteger(size)) {
        throw failureOfAnswer("The answer does not tell the size of the object");
      }
      return size;
    },

    /** The body, null when there is no such object, or "outside" when the range starts after it. */
    async open(asset: Asset, range?: ByteRange): Promise<Readable | null | "outside"> {
      const headers = range && { range: `bytes=${range.start}-${range.end}` };
      const answer = await ask(asset, "GET", headers);
      try {
        if (answer.statusCode === 404 || answer.statusCode === 416) {
          answer.resume();
          return answer.statusCode === 404 ? null : "outside";
        }
        assertStatus(answer, range ? 206 : 200);
        assertRangeGiven(answer, range);
        return bodyOf(answer, timeout);
      } catch (error) {
        answer.destroy();
        throw error;
      }
    },
  };
}

function assertStatus({ statusCode = 0 }: IncomingMessage, expected: number): void {
  if (statusCode === 200 && expected === 206) {
    throw failureOfAnswer("The delivery did not honour the range asked for");
  }
  if (statusCode !== expected) {
    throw failureOfStatus(statusCode, `The delivery answered with status ${statusCode}`);
  }
}

function assertRangeGiven({ headers }: IncomingMessage, range?: ByteRange): void {
  if (range && !headers["content-range"]?.startsWith(`bytes ${range.start}-`)) {
    throw failureOfAnswer("The delivery gave another range than the one asked for");
  }
}
