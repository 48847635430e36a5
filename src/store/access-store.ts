/**
 * What a store keeps beside jobs: who may come in, what they changed, and the look at encrypted values when their key changes.
 * `Store.access` of both databases; proven by the same conformance suite.
 */

/** A token, or a session in a browser that was signed in with one. */
export interface AccessEntry {
  readonly id: string;
  readonly kind: 'token' | 'session';
  /** Of a session: the token it was begun with. */
  readonly parent: string | null;
  readonly name: string;
  /** Of what must be presented. */
  readonly hash: string;
  readonly scope: 'read' | 'operate' | 'admin';
  readonly queues: readonly string[] | null;
  readonly tenants: readonly string[] | null;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly lastUsedAt: number | null;
  readonly revokedAt: number | null;
}

export interface AccessChange {
  readonly hash?: string;
  readonly lastUsedAt?: number;
  readonly revokedAt?: number;
  readonly expiresAt?: number | null;
}

/** One change that came through a door. */
export interface NewAuditEntry {
  readonly at: number;
  readonly actor: string;
  readonly door: string;
  readonly action: string;
  readonly target: string | null;
  /** JSON text. */
  readonly filter: string | null;
  readonly count: number | null;
  /** JSON text. */
  readonly detail: string | null;
}

export interface AuditEntry extends NewAuditEntry {
  /** Grows. */
  readonly n: number;
}

/** Every part must hold. */
export interface AuditFilter {
  readonly actor?: string;
  readonly door?: string;
  readonly action?: string;
  readonly target?: string;
  readonly since?: number;
  readonly until?: number;
}

/** What is no longer needed; null keeps it. */
export interface AccessRetention {
  /** Sessions and tokens that ended before. */
  readonly endedBefore: number | null;
  readonly auditBefore: number | null;
  /** Entries of the audit at most. */
  readonly auditMost: number | null;
}

/** A stored text in which an encrypted value is: the payload of a job, or of a callback of a batch (`on`; the body, as it is stored). */
export interface SealedText {
  readonly seq: number;
  readonly on: string | null;
  readonly id: string;
  readonly key: string | null;
  readonly scheduleId: string | null;
  readonly text: string;
}

export interface AccessStore {
  /** @returns false if there is one with this id. */
  insert(entry: AccessEntry): Promise<boolean>;
  get(id: string): Promise<AccessEntry | null>;
  /** All tokens, oldest first; no sessions. */
  tokens(): Promise<AccessEntry[]>;
  /** Guarded: what is revoked stays revoked, and is not changed any more. @returns whether it was changed. */
  change(id: string, change: AccessChange): Promise<boolean>;
  /** Appends to the audit, in order. */
  record(entries: readonly NewAuditEntry[]): Promise<void>;
  /** Newest first; `before`: the number of the last entry of the page before. */
  audit(filter: AuditFilter, page: { readonly limit: number; readonly before: number | null }): Promise<AuditEntry[]>;
  /** Deletes a bounded number. @returns how many. */
  forget(retention: AccessRetention): Promise<number>;
  /** In the order of jobs, payloads first; after the last one of the page before. */
  sealed(after: Pick<SealedText, 'seq' | 'on'> | null, limit: number): Promise<SealedText[]>;
  /** Writes texts anew, each only if it is still as it was read. @returns how many were written. */
  reseal(texts: readonly (SealedText & { readonly by: string })[]): Promise<number>;
}
