/** One of several pieces of work; `stop` is aborted when another one has failed. */
type Piece = (stop: AbortSignal) => Promise<unknown>;

/** What the pieces resolve with. */
type Results<T extends readonly Piece[]> = { [K in keyof T]: Awaited<ReturnType<T[K]>> };

/**
 * Does several pieces of work at the same time. When one fails or the signal comes, the others are
 * told to stop; rejects with that first reason once nothing runs any more.
 */
export async function sideBySide<T extends readonly Piece[]>(
  pieces: readonly [...T],
  signal?: AbortSignal,
): Promise<Results<T>> {
  const failed = new AbortController();
  const stop = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
  const results = await Promise.all(
    pieces.map((piece) => piece(stop).catch((error: unknown) => failed.abort(error))),
  );
  stop.throwIfAborted();
  return results as Results<T>;
}
