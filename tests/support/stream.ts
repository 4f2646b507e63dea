import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { scratchFolder } from "./server";

/** A stream as a player has loaded it over HTTP, without cookies or other credentials. */
export interface LoadedStream {
  /** The master playlist on disk, beside it what it refers to but for subtitles; for playHls. */
  master: string;
  /** Every address that was loaded. */
  urls: string[];
}

/**
 * Loads a master playlist with all it refers to, resolving addresses as RFC 3986 has it. The parts
 * of a track are put together again under the name of the file that they are parts of.
 */
export async function loadStream(url: string): Promise<LoadedStream> {
  const loader = new Loader();
  const text = await loader.text(url);
  const master = await loader.keep(url, Buffer.from(text));
  for (const uri of urisOf(text)) {
    const playlistUrl = new URL(uri, url).href;
    const playlist = await loader.text(playlistUrl);
    if (urisOf(playlist).some((part) => part.startsWith("../"))) {
      await loader.bytes(new URL(urisOf(playlist)[0]!, playlistUrl).href);
    } else {
      await loader.keep(playlistUrl, Buffer.from(playlist));
      await loader.track(playlistUrl, urisOf(playlist));
    }
  }
  return { master, urls: loader.urls };
}

/** What a playlist refers to, in its order. */
function urisOf(playlist: string): string[] {
  return playlist
    .split("\n")
    .flatMap((line) => (line.startsWith("#") ? (/URI="([^"]+)"/.exec(line)?.[1] ?? []) : line))
    .filter((uri) => uri !== "");
}

class Loader {
  readonly urls: string[] = [];
  readonly folder = scratchFolder();

  async bytes(url: string): Promise<Buffer> {
    this.urls.push(url);
    const reply = await fetch(url);
    if (reply.status !== 200) {
      throw new Error(`${reply.status} for ${url}`);
    }
    return Buffer.from(await reply.arrayBuffer());
  }

  async text(url: string): Promise<string> {
    return (await this.bytes(url)).toString();
  }

  async keep(url: string, bytes: Buffer): Promise<string> {
    const path = join(this.folder, basename(new URL(url).pathname));
    await writeFile(path, bytes);
    return path;
  }

  /** Fails unless the parts put together are the file that is served as a whole. */
  async track(playlistUrl: string, uris: string[]): Promise<void> {
    const parts: Buffer[] = [];
    for (const uri of uris) {
      parts.push(await this.bytes(new URL(uri, playlistUrl).href));
    }
    const fileUrl = new URL(uris[0]!.split("/")[0]!, playlistUrl).href;
    const whole = await this.bytes(fileUrl);
    if (!whole.equals(Buffer.concat(parts))) {
      throw new Error(`the parts of ${fileUrl} are not the whole`);
    }
    await this.keep(fileUrl, whole);
  }
}
