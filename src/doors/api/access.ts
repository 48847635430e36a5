/** Who calls, and what that caller may do. */
import type { Scope } from './routes.ts';

export interface Caller {
  readonly id: string;
  /** As people know it; what an operation writes down as "by whom". */
  readonly name: string;
  readonly scope: Scope;
  /** The queues and tenants it may see; null for all. */
  readonly queues: readonly string[] | null;
  readonly tenants: readonly string[] | null;
}

/** Whoever reaches a door that only this machine reaches. */
export const everyone: Caller = { id: 'local', name: 'this machine', scope: 'admin', queues: null, tenants: null };

const RANK: Readonly<Record<Scope, number>> = { read: 0, operate: 1, admin: 2 };

export const permits = ({ scope }: Caller, needed: Scope): boolean => RANK[scope] >= RANK[needed];
