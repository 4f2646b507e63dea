import { SeededUser, type SeedPart } from "../models/seed.model";

export { makeCrowd } from "./crowd";
export type { Progress } from "./progress";
export { removeSeed } from "./remove";
export { makeWorld } from "./world";

/** Whether an earlier seed has made this part. */
export async function isSeeded(part: SeedPart): Promise<boolean> {
  return (await SeededUser.exists({ part })) !== null;
}
