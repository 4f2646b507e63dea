import { constants, copyFile, link } from "node:fs/promises";

/** The file system knows no hard links, or this file has as many as it may. */
const NO_LINK = ["EMLINK", "EPERM", "ENOTSUP", "EXDEV"];

/**
 * Gives a file a second name. A hard link is a name of its own for the same bytes, which stay until
 * the last name goes; where there are none the bytes are copied.
 */
export async function linkOrCopy(origin: string, target: string): Promise<void> {
  try {
    await link(origin, target);
  } catch (error) {
    if (!NO_LINK.includes((error as NodeJS.ErrnoException).code ?? "")) {
      throw error;
    }
    await copyFile(origin, target, constants.COPYFILE_EXCL);
  }
}
