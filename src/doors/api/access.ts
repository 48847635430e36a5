/** Who calls, and what that caller may do and see. */
import type { Reach } from '../../job/filter.ts';
import type { Scope } from './routes.ts';

export interface Caller extends Reach {
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

/** Whether a caller sees everything there is. */
export const seesAll = ({ queues, tenants }: Caller): boolean => queues === null && tenants === null;
