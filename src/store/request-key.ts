/** A request that may come again. */
export interface RequestKey {
  readonly key: string;
  /** What the request asks for: the same key with another one is a mistake of the caller. */
  readonly fingerprint: string;
  /** How long its answer is kept, epoch milliseconds. */
  readonly until: number;
}
