const IN_TRANSACTION = 0;
const EXITING = 1;
const PATIENCE_MS = 5_000;

/**
 * Keeps a process from ending while the worker is inside an LMDB transaction. Ending stops the
 * worker wherever it is; stopped there, it leaves LMDB's lock taken and the process waits for
 * that lock for ever.
 */
export class ExitGate {
  private readonly state: Int32Array;

  constructor(readonly shared = new SharedArrayBuffer(8)) {
    this.state = new Int32Array(shared);
  }

  /** The worker's side: runs the work unless the process is ending. */
  pass(work: () => void): void {
    Atomics.store(this.state, IN_TRANSACTION, 1);
    try {
      if (Atomics.load(this.state, EXITING) === 1) {
        throw new Error("the process is ending");
      }
      work();
    } finally {
      Atomics.store(this.state, IN_TRANSACTION, 0);
      Atomics.notify(this.state, IN_TRANSACTION);
    }
  }

  /** The side of the process that is ending: no transaction runs after this returns. */
  close(): void {
    Atomics.store(this.state, EXITING, 1);
    Atomics.wait(this.state, IN_TRANSACTION, 1, PATIENCE_MS);
  }
}
