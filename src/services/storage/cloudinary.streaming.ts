import { createHmac, timingSafeEqual } from "node:crypto";
import { text } from "node:stream/consumers";
import type { Readable } from "node:stream";
import type { Asset, CloudinaryApi } from "./cloudinary.api";
import type { CloudinaryDelivery } from "./cloudinary.delivery";
import { failureOfAnswer, failureOfStatus } from "./cloudinary.failure";
import type { ByteRange } from "../../utils/byte-range";

/** Cloudinary's predefined profile of renditions up to 1920x1080. */
const PROFILE = "full_hd";
const MASTER = { transformation: `sp_${PROFILE}`, format: "m3u8" };

/**
 * The HLS stream that Cloudinary derives from a video, once per call:
 * https://cloudinary.com/documentation/adaptive_bitrate_streaming. Rejects with CloudinaryFailure.
 *
 * Playlists lead to signed addresses, which would let whoever has seen one pass by the API for
 * good. So each is replaced by a name that says what to derive and has a code of ours instead of
 * Cloudinary's signature.
 */
export function createCloudinaryStreaming(
  api: CloudinaryApi,
  delivery: CloudinaryDelivery,
  apiSecret: string,
) {
  const codeOf = (asset: Asset): string =>
    createHmac("sha256", apiSecret)
      .update(["stream", asset.publicId, asset.transformation, asset.format].join("\n"))
      .digest("base64url")
      .slice(0, 22);

  const nameOf = (asset: Asset): string =>
    `${codeOf(asset)}.${Buffer.from(asset.transformation ?? "").toString("base64url")}.${asset.format}`;

  const fileOf = (video: Asset, name: string): Asset | null => {
    const [code = "", words = "", format] = name.split(".");
    const transformation = Buffer.from(words, "base64url").toString();
    const file = { ...video, transformation, format };
    return isSame(code, codeOf(file)) ? file : null;
  };

  /** The name of what a URI of the playlist at `base` leads to: another file of the same video. */
  const nameOfUri = (video: Asset, base: string, uri: string): string => {
    const { origin, pathname } = new URL(uri, base);
    const [before, after] = decodeURIComponent(pathname).split(`/${video.publicId}.`);
    const found = /\/video\/authenticated\/(?:s--[\w-]+--\/)?(.+?)(?:\/v\d+)?$/.exec(before ?? "");
    if (origin !== new URL(base).origin || !found?.[1] || !/^\w+$/.test(after ?? "")) {
      throw failureOfAnswer("The playlist leads to something else than its video");
    }
    return nameOf({ ...video, transformation: found[1], format: after });
  };

  return {
    async order(video: Asset): Promise<void> {
      await api.derive(video, [{ streaming_profile: PROFILE, format: "m3u8" }]);
    },

    /**
     * Asks the API, not the delivery: that remembers for hours that something was not there.
     * https://cloudinary.com/documentation/ts_what_are_the_common_error_codes_returned_in_the_x_cld_error_header_when_delivering_assets
     */
    async isReady(video: Asset): Promise<boolean> {
      const derived = await api.derived(video);
      return derived.some(
        ({ transformation, format }) =>
          transformation === `${MASTER.transformation}/${MASTER.format}` ||
          (transformation === MASTER.transformation && format === MASTER.format),
      );
    },

    /** The playlist with names for addresses, or null when there is none. */
    async playlist(video: Asset, name?: string): Promise<string | null> {
      const file = name === undefined ? { ...video, ...MASTER } : fileOf(video, name);
      const body = file && file.format === MASTER.format ? await delivery.open(file) : null;
      if (file === null || body === null) {
        return null;
      }
      if (body === "outside") {
        throw failureOfStatus(416, "The delivery answered with status 416");
      }
      const base = delivery.urlOf(file);
      return (await text(body)).replace(
        /^(?!#)(\S.*)$|(URI=")([^"]+)(")/gm,
        (_all, line?: string, open?: string, uri?: string, close?: string) =>
          line === undefined
            ? `${open}${nameOfUri(video, base, uri ?? "")}${close}`
            : nameOfUri(video, base, line.trim()),
      );
    },

    /** The body, null when there is no such file, or "outside" when the range starts after it. */
    async open(
      video: Asset,
      name: string,
      range?: ByteRange,
    ): Promise<Readable | null | "outside"> {
      const file = fileOf(video, name);
      return file && delivery.open(file, range);
    },
  };
}

function isSame(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
