/** Which rows a person means: a filter or ids → a WHERE clause with bound values, and chunks of rows. */
import type { CheckedFilter, PayloadMatch } from '../../../job/filter.ts';
import { FINAL, type Status } from '../../../job/states.ts';
import { number } from '../../rows.ts';
import type { Target } from '../../store.ts';
import { FINGERPRINT, type Row, sql, type Value } from '../driver.ts';
import type { Transaction } from '../transaction.ts';

export interface Where {
  /** Conditions joined by AND; `true` if there are none. */
  readonly text: string;
  readonly values: readonly Value[];
}

/** A payload in the row, or beside it. */
export const PAYLOAD = `CASE WHEN large THEN (SELECT p.payload FROM job_payloads p WHERE p.seq = jobs.seq) ELSE payload END`;

export const whereOf = (filter: CheckedFilter): Where => {
  const parts: string[] = [];
  const values: Value[] = [];
  const add = (text: string, ...bound: Value[]) => {
    parts.push(text);
    values.push(...bound);
  };
  const among = (column: string, words: readonly Value[] | undefined) => {
    if (words) add(`${column} IN (${words.map(() => '?').join(', ')})`, ...words);
  };
  if (filter.status) parts.push(statusIn(filter.status));
  among('id', filter.id);
  among('seq', filter.seq);
  among('type', filter.type);
  among('queue', filter.queue);
  among('priority', filter.priority);
  among('tenant', filter.tenant);
  if (filter.within) {
    const { queues, tenants, own } = filter.within;
    const also = own === undefined ? [] : [own];
    if (tenants) among('tenant', [...tenants, ...also]);
    const names = queues?.map(() => '?').join(', ');
    if (queues) add(`(queue IN (${names})${own === undefined ? '' : ' OR tenant = ?'})`, ...queues, ...also);
  }
  if (filter.parent !== undefined) add('parent_job_id = +?', filter.parent);
  if (filter.schedule !== undefined) add('schedule_id = +? AND schedule_id IS NOT NULL', filter.schedule);
  if (filter.tag !== undefined) add('seq IN (SELECT job FROM job_tags WHERE tag = ?)', filter.tag);
  if (filter.userInitiated === true) parts.push('user_initiated <> 0');
  if (filter.userInitiated === false) parts.push('user_initiated = 0');
  if (filter.createdAfter !== undefined) add('created_at >= ?', filter.createdAfter);
  if (filter.createdBefore !== undefined) add('created_at < ?', filter.createdBefore);
  if (filter.error !== undefined) add(`error LIKE ? ESCAPE '\\'`, `%${filter.error.replace(/[\\%_]/g, '\\$&')}%`);
  if (filter.fingerprint !== undefined)
    add(`${statusIn(['failed', 'timeout'])} AND ${FINGERPRINT}(coalesce(error, '')) = ?`, filter.fingerprint);
  if (filter.batch !== undefined) add(filter.batch ? 'seq IN (SELECT job FROM job_batches)' : `NOT ${IS_BATCH}`);
  for (const match of filter.payload ?? []) add(...payloadMatch(match));
  return { text: parts.join(' AND ') || 'true', values };
};

/**
 * States as literals, from our own table: a partial index is used only if the statement repeats its predicate. So a list of
 * final states also says that it holds none of the others.
 */
const statusIn = (statuses: readonly Status[]): string => {
  const words = `status IN (${statuses.map((status) => `'${status}'`).join(', ')})`;
  const indexed = statuses.every((status) => status === 'created' || (FINAL as readonly Status[]).includes(status));
  return indexed ? `${words} AND status NOT IN ('queued', 'running')` : words;
};

/** Names of digits are positions of a list, as in items.0.sku; other names are quoted. */
export const pathText = (path: readonly string[]): string =>
  `$${path.map((name) => (/^\d+$/.test(name) ? `[${name}]` : `."${name}"`)).join('')}`;

const payloadMatch = ({ path, value, indexed }: PayloadMatch): [string, ...Value[]] => {
  const at = pathText(path);
  // An index is used only by the very expression that it was made of. A large payload lies beside its row, and null in it.
  if (indexed && (typeof value === 'string' || typeof value === 'number'))
    return [
      `seq IN (SELECT seq FROM jobs WHERE ${valueAt(path)} = ? UNION ALL SELECT seq FROM job_payloads WHERE ${valueAt(path)} = ?)`,
      ...[value, value],
    ];
  if (value === null) return [`json_type(${PAYLOAD}, ?) = 'null'`, at];
  if (typeof value === 'boolean') return [`json_type(${PAYLOAD}, ?) = '${value}'`, at];
  return [`json_extract(${PAYLOAD}, ?) = ?`, at, value];
};

/** What an index on a path is made of. No name that a filter may have can end the text. */
export const valueAt = (path: readonly string[]): string => `json_extract(payload, '${pathText(path)}')`;

const TREE = sql`
  WITH RECURSIVE tree(id) AS (
    SELECT value FROM json_each(?) UNION SELECT j.id FROM tree JOIN jobs j ON j.parent_job_id = tree.id)`;

const CHUNK = 1000;

/** What every verb that moves rows must know of them. */
export const COLUMNS =
  'seq, id, type, queue, status, attempts, run_at, limit_key, parent_job_id, lease_owner, cancel_requested_at';

/** Only a batch has started and was never claimed. */
export const IS_BATCH = '(claim = 0 AND started_at IS NOT NULL)';

/** Up to 1,000 rows of a target, in one of the given states: in insertion order, or against it. */
export const chunkOf = (
  txn: Transaction,
  target: Target,
  statuses: readonly Status[],
  from: number,
  order: 'oldest' | 'newest' = 'oldest',
): { rows: Row[]; next: number | null } => {
  const columns = `SELECT ${COLUMNS}, ${IS_BATCH} AS is_batch FROM jobs`;
  const [side, direction] = order === 'oldest' ? ['>', 'ASC'] : ['<', 'DESC'];
  const rest = `AND status IN (${statuses.map((status) => `'${status}'`).join(', ')}) AND seq ${side} ? ORDER BY seq ${direction} LIMIT ${CHUNK}`;
  let rows: Row[];
  if ('ids' in target) {
    const ids = JSON.stringify(target.ids);
    const named = target.tree
      ? `${TREE} ${columns} WHERE id IN (SELECT id FROM tree)`
      : `${columns} WHERE id IN (SELECT value FROM json_each(?))`;
    rows = txn.all(`${named} ${rest}`, ids, from);
  } else {
    const { text, values } = whereOf(target.filter);
    rows = txn.all(`${columns} WHERE ${text} ${rest}`, ...values, from);
  }
  return { rows, next: rows.length === CHUNK ? number(rows.at(-1)!['seq']) : null };
};
