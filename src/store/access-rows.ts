/** Rows ↔ records of what a store keeps beside jobs; both databases write them alike. */
import { shownKey } from '../job/tenant.ts';
import type { AccessChange, AccessEntry, AuditEntry, AuditFilter, SealedText } from './access-store.ts';

type Cell = string | number | bigint | boolean | null | Uint8Array | undefined;
type Row = Readonly<Record<string, Cell>>;
type Value = string | number | null;

export const accessValues = (entry: AccessEntry): Record<string, Value> => {
  const { id, kind, parent, name, hash, scope, createdAt, expiresAt, lastUsedAt, revokedAt } = entry;
  const [queues, tenants] = [entry.queues, entry.tenants].map((list) => (list === null ? null : JSON.stringify(list)));
  return {
    ...{ id, kind, parent, name, hash, scope, queues: queues!, tenants: tenants! },
    ...{ createdAt, expiresAt, lastUsedAt, revokedAt },
  };
};

export const toAccess = (row: Row): AccessEntry => ({
  id: String(row['id']),
  kind: row['kind'] === 'session' ? 'session' : 'token',
  parent: textOrNull(row['parent']),
  name: String(row['name']),
  hash: String(row['hash']),
  scope: String(row['scope']) as AccessEntry['scope'],
  queues: listOrNull(row['queues']),
  tenants: listOrNull(row['tenants']),
  createdAt: Number(row['created_at']),
  expiresAt: numberOrNull(row['expires_at']),
  lastUsedAt: numberOrNull(row['last_used_at']),
  revokedAt: numberOrNull(row['revoked_at']),
});

export const toAudit = (row: Row): AuditEntry => ({
  n: Number(row['n']),
  at: Number(row['at']),
  actor: String(row['actor']),
  door: String(row['door']),
  action: String(row['action']),
  target: textOrNull(row['target']),
  filter: textOrNull(row['filter']),
  count: numberOrNull(row['count']),
  detail: textOrNull(row['detail']),
});

export const toSealed = (row: Row): SealedText => ({
  seq: Number(row['seq']),
  on: textOrNull(row['kind']),
  id: String(row['id']),
  key: shownKey(textOrNull(row['tenant']), textOrNull(row['unique_key'])),
  scheduleId: textOrNull(row['schedule_id']),
  text: String(row['text']),
});

const COLUMNS = { hash: 'hash', lastUsedAt: 'last_used_at', revokedAt: 'revoked_at', expiresAt: 'expires_at' } as const;

/** The columns that a change sets, with their values. */
export const changed = (change: AccessChange): (readonly [column: string, value: Value])[] =>
  Object.entries(COLUMNS).flatMap(([name, column]) => {
    const value = change[name as keyof AccessChange];
    return value === undefined ? [] : [[column, value] as const];
  });

const CONDITIONS: Readonly<Record<keyof AuditFilter, string>> = {
  actor: 'actor =',
  door: 'door =',
  action: 'action =',
  target: 'target =',
  since: 'at >=',
  until: 'at <',
};

/** The conditions of a filter, with their values. */
export const conditions = (filter: AuditFilter): (readonly [condition: string, value: Value])[] =>
  Object.entries(CONDITIONS).flatMap(([name, condition]) => {
    const value = filter[name as keyof AuditFilter];
    return value === undefined ? [] : [[condition, value] as const];
  });

const textOrNull = (value: Cell): string | null => (value === null || value === undefined ? null : String(value));
const numberOrNull = (value: Cell): number | null => (value === null || value === undefined ? null : Number(value));
const listOrNull = (value: Cell): string[] | null =>
  value === null || value === undefined ? null : (JSON.parse(String(value)) as string[]);
