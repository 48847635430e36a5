/** Which rows a person means: a filter or ids → a WHERE clause with bound values, and chunks of rows. */
import type { CheckedFilter, PayloadMatch } from '../../../job/filter.ts';
import { FINGERPRINT_LENGTH, FINGERPRINTED, STRIPPED } from '../../../job/fingerprint.ts';
import { FINAL, type Status } from '../../../job/states.ts';
import { number } from '../../rows.ts';
import type { Target } from '../../store.ts';
import { numbers, type Params, type Row, sql, texts, type Value } from '../driver.ts';
import type { Transaction } from '../transaction.ts';

export interface Where {
  /** Conditions on the view `jobs`, joined by AND; `true` if there are none. */
  readonly text: string;
  readonly values: Params;
}

/** @param prefix of the names of the values. */
export const whereOf = (filter: CheckedFilter, prefix = 'f'): Where => {
  const parts: string[] = [];
  const values: Record<string, Value> = {};
  const bind = (value: Value): string => {
    const name = `${prefix}${Object.keys(values).length}`;
    values[name] = value;
    return `$${name}`;
  };
  const among = (column: string, words: readonly string[] | undefined) => {
    if (words) parts.push(`${column} = ANY (${bind(texts(words))}::text[])`);
  };
  if (filter.status) parts.push(statusIn(filter.status, (final) => bind(texts(final))));
  among('id', filter.id);
  if (filter.seq) parts.push(`seq = ANY (${bind(numbers(filter.seq))}::bigint[])`);
  among('type', filter.type);
  among('queue', filter.queue);
  if (filter.priority) parts.push(`priority = ANY (${bind(numbers(filter.priority))}::int[])`);
  if (filter.schedule !== undefined) parts.push(`schedule_id = ${bind(filter.schedule)}`);
  among('tenant', filter.tenant);
  if (filter.within) {
    const { queues, tenants, own } = filter.within;
    if (tenants) among('tenant', own === undefined ? tenants : [...tenants, own]);
    const ownJobs = own === undefined || !queues ? '' : ` OR tenant = ${bind(own)}`;
    if (queues) parts.push(`(queue = ANY (${bind(texts(queues))}::text[])${ownJobs})`);
  }
  if (filter.parent !== undefined) parts.push(`parent_job_id = ${bind(filter.parent)}`);
  if (filter.tag !== undefined) parts.push(`tags @> ${bind(texts([filter.tag]))}::text[]`);
  if (filter.userInitiated === true) parts.push('user_initiated');
  if (filter.userInitiated === false) parts.push('NOT user_initiated');
  if (filter.createdAfter !== undefined) parts.push(`created_at >= ${bind(filter.createdAfter)}`);
  if (filter.createdBefore !== undefined) parts.push(`created_at < ${bind(filter.createdBefore)}`);
  if (filter.error !== undefined)
    parts.push(`error ILIKE ${bind(`%${filter.error.replace(/[\\%_]/g, '\\$&')}%`)} ESCAPE '\\'`);
  if (filter.fingerprint !== undefined)
    parts.push(`ended IN ('failed', 'timeout') AND ${FINGERPRINT} = ${bind(filter.fingerprint)}`);
  if (filter.batch !== undefined) parts.push(`policy IS ${filter.batch ? 'NOT ' : ''}NULL`);
  for (const match of filter.payload ?? []) parts.push(payloadMatch(match, bind));
  return { text: parts.join(' AND ') || 'true', values };
};

/** As src/job/fingerprint.ts has it. */
const FINGERPRINT = `left(encode(sha256(convert_to(${STRIPPED.reduce(
  (text, [pattern, instead]) => `regexp_replace(${text}, '${pattern}', '${instead}', 'g')`,
  `left(split_part(coalesce(error, ''), E'\n', 1), ${FINGERPRINTED})`,
)}, 'UTF8')), 'hex'), ${FINGERPRINT_LENGTH})`;

/** By the columns that indexes know: an expression that makes the word of the state would be worked out for every row. */
const statusIn = (statuses: readonly Status[], bind: (final: readonly string[]) => string): string => {
  const parts: string[] = [];
  const final = statuses.filter((status) => (FINAL as readonly Status[]).includes(status));
  if (final.length > 0) parts.push(`ended = ANY (${bind(final)}::text[])`);
  // Alone, it leads: few rows run, and the two lists of them are short.
  if (statuses.length === 1 && statuses[0] === 'running')
    return `seq IN (SELECT seq FROM backline.job_running UNION ALL SELECT seq FROM backline.job_batches)`;
  if (statuses.includes('running')) parts.push('runs');
  if (statuses.includes('queued')) parts.push('(ended IS NULL AND NOT runs AND NOT held)');
  if (statuses.includes('created')) parts.push('(ended IS NULL AND NOT runs AND held)');
  return `(${parts.join(' OR ') || 'false'})`;
};

/**
 * Compared as JSON text, which JSON.stringify made on both sides; json (not jsonb) keeps it so. What JavaScript's texts can hold and
 * PostgreSQL's cannot (the character 0, half of a surrogate pair) stands there as an escape, at which `#>` would give up.
 */
const payloadMatch = ({ path, value, indexed }: PayloadMatch, bind: (value: Value) => string): string => {
  const wanted = bind(JSON.stringify(value).replace(/\\u(0000|d[89a-f][0-9a-f]{2})/g, '\\ufffd'));
  if (!indexed) return `${valueAt(`${bind(texts(path))}::text[]`)} = ${wanted}`;
  const literal = pathLiteral(path);
  return `seq IN (SELECT seq FROM backline.job_body WHERE ${keyAt(literal)} = md5(${wanted}) AND ${valueAt(literal)} = ${wanted})`;
};

const valueAt = (path: string): string =>
  `(regexp_replace(payload, '\\\\u(0000|d[89a-f][0-9a-f]{2})', '\\\\ufffd', 'g')::json #> ${path})::text`;

/** No name that a filter may have can end the text; a dollar sign would begin the name of a value. */
export const pathLiteral = (path: readonly string[]): string =>
  `U&'{${path.map((name) => `"${name.replaceAll('$', '\\0024')}"`).join(',')}}'::text[]`;

/** What an index on a path is made of: an entry of an index must be short, and a value may be long. */
export const keyAt = (path: string): string => `md5(${valueAt(path)})`;

const TREE = sql`
  WITH RECURSIVE tree(id) AS (
    SELECT id COLLATE "C" FROM unnest($ids::text[]) AS g(id) UNION SELECT b.id FROM tree t JOIN backline.job_body b ON b.parent_job_id = t.id)`;

const CHUNK = 1000;

/** Up to 1,000 rows of a target, in one of the given states: in insertion order, or against it. */
export const chunkOf = async (
  txn: Transaction,
  target: Target,
  statuses: readonly Status[],
  from: number,
  order: 'oldest' | 'newest' = 'oldest',
): Promise<{ rows: Row[]; next: number | null }> => {
  const columns = 'SELECT seq, id, type, queue, status, attempts, run_at, limit_key, policy FROM backline.jobs';
  const [side, direction] = order === 'oldest' ? ['>', 'ASC'] : ['<', 'DESC'];
  const values: Record<string, Value> = { from };
  let where: string;
  let before = '';
  if ('ids' in target) {
    values['ids'] = texts(target.ids);
    before = target.tree ? TREE : '';
    where = target.tree ? 'id IN (SELECT id FROM tree)' : 'id = ANY ($ids::text[])';
  } else {
    const filter = whereOf(target.filter);
    where = filter.text;
    Object.assign(values, filter.values);
  }
  const states = whereOf({ status: [...statuses] } as CheckedFilter, 's');
  Object.assign(values, states.values);
  const rows = await txn.all(
    `${before} ${columns} WHERE ${where} AND ${states.text} AND seq ${side} $from ORDER BY seq ${direction} LIMIT ${CHUNK}`,
    values,
  );
  return { rows, next: rows.length === CHUNK ? number(rows.at(-1)!['seq']) : null };
};
