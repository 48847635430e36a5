/** Who may come in, what they changed, and encrypted values when their key changes; see src/store/access-store.ts. */
import { accessValues, changed, conditions, toAccess, toAudit, toSealed } from '../../access-rows.ts';
import type { AccessStore, NewAuditEntry, SealedText } from '../../access-store.ts';
import { number } from '../../rows.ts';
import { type Connection, numbers, sql, texts, type Value } from '../driver.ts';
import type { Transaction } from '../transaction.ts';

const INSERT = sql`
  INSERT INTO backline.job_access
    (id, kind, parent, name, hash, scope, queues, tenants, created_at, expires_at, last_used_at, revoked_at)
  VALUES ($id, $kind, $parent, $name, $hash, $scope, $queues, $tenants, $createdAt::bigint, $expiresAt::bigint, $lastUsedAt::bigint,
    $revokedAt::bigint)
  ON CONFLICT DO NOTHING`;
const GET = sql`SELECT * FROM backline.job_access WHERE id = $id`;
const TOKENS = sql`SELECT * FROM backline.job_access WHERE kind = 'token' ORDER BY created_at, id`;
const RECORD = sql`
  INSERT INTO backline.job_audit (at, actor, door, action, target, filter, count, detail)
  SELECT at, actor, door, action, target, filter, count, detail
  FROM unnest($ats::bigint[], $actors::text[], $doors::text[], $actions::text[], $targets::text[], $filters::text[], $counts::bigint[],
    $details::text[]) WITH ORDINALITY AS g(at, actor, door, action, target, filter, count, detail, ord)
  ORDER BY ord RETURNING n`;
const IS_RECORDED = sql`SELECT EXISTS (SELECT 1 FROM backline.job_audit WHERE n = $n AND at = $at::bigint) AS there`;

/** Small enough to let others in between. */
const FORGET_ACCESS = sql`
  DELETE FROM backline.job_access WHERE id = ANY (ARRAY(
    SELECT id FROM backline.job_access WHERE expires_at < $before::bigint OR revoked_at < $before::bigint LIMIT 1000))`;
const FORGET_AUDIT = sql`
  DELETE FROM backline.job_audit WHERE n = ANY (ARRAY(
    SELECT n FROM backline.job_audit WHERE at < $before::bigint ORDER BY at LIMIT 2000))`;
/** The numbers have few gaps but those of what was forgotten. */
const FORGET_REST = sql`
  DELETE FROM backline.job_audit WHERE n = ANY (ARRAY(
    SELECT n FROM backline.job_audit WHERE n <= (SELECT max(n) FROM backline.job_audit) - $most::bigint ORDER BY n LIMIT 2000))`;

/** What looks like an encrypted value and is none is passed over by who reads it. */
const PAYLOADS = sql`
  SELECT seq, NULL AS kind, id, tenant, unique_key, schedule_id, payload AS text FROM backline.job_body
  WHERE seq > $seq::bigint AND strpos(payload, '$' || 'secret') > 0 ORDER BY seq LIMIT $limit::int`;
const CALLBACKS = sql`
  SELECT job AS seq, kind, id, NULL AS tenant, NULL AS unique_key, NULL AS schedule_id, body AS text FROM backline.job_callbacks
  WHERE (job, kind) > ($seq::bigint, $kind::text) AND strpos(body, '$' || 'secret') > 0 ORDER BY job, kind LIMIT $limit::int`;
const RESEAL = sql`UPDATE backline.job_body SET payload = $by WHERE seq = $seq::bigint AND payload = $text`;
const RESEAL_CALLBACK = sql`
  UPDATE backline.job_callbacks SET body = $by WHERE job = $seq::bigint AND kind = $on AND body = $text`;

export const accessStore = (
  read: <T>(work: (db: Connection) => Promise<T>) => Promise<T>,
  write: <T>(work: (txn: Transaction) => Promise<T>) => Promise<T>,
): AccessStore => ({
  insert: (entry) => write(async (txn) => (await txn.run(INSERT, accessValues(entry))) > 0),
  get: async (id) => {
    const row = await read((db) => db.get(GET, { id }));
    return row ? toAccess(row) : null;
  },
  tokens: async () => (await read((db) => db.all(TOKENS))).map(toAccess),
  change: (id, change) => {
    const set = changed(change);
    const columns = set.map(([column]) => `${column} = $${column}`).join(', ');
    const statement = `UPDATE backline.job_access SET ${columns} WHERE id = $id AND revoked_at IS NULL`;
    return write(async (txn) => (await txn.run(statement, { ...Object.fromEntries(set), id })) > 0);
  },
  record: (entries) => write((txn) => record(txn, entries)),
  audit: async (filter, { limit, before }) => {
    const parts = [...conditions(filter), ...(before === null ? [] : [['n <', before] as const])];
    const where = parts.map(([condition], i) => `${condition} $v${i}`).join(' AND ') || 'true';
    const values: Record<string, Value> = Object.fromEntries(parts.map(([, value], i) => [`v${i}`, value]));
    const statement = `SELECT * FROM backline.job_audit WHERE ${where} ORDER BY n DESC LIMIT $limit::int`;
    return (await read((db) => db.all(statement, { ...values, limit }))).map(toAudit);
  },
  forget: ({ endedBefore, auditBefore, auditMost }) =>
    write(async (txn) => {
      const ended = endedBefore === null ? 0 : await txn.run(FORGET_ACCESS, { before: endedBefore });
      const old = auditBefore === null ? 0 : await txn.run(FORGET_AUDIT, { before: auditBefore });
      return ended + old + (auditMost === null ? 0 : await txn.run(FORGET_REST, { most: auditMost }));
    }),
  sealed: async (after, limit) => {
    const found = after?.on ? [] : await read((db) => db.all(PAYLOADS, { seq: after?.seq ?? 0, limit }));
    const from = after?.on ? { seq: after.seq, kind: after.on } : { seq: 0, kind: '' };
    const rest = limit - found.length;
    const more = rest === 0 ? [] : await read((db) => db.all(CALLBACKS, { ...from, limit: rest }));
    return [...found, ...more].map(toSealed);
  },
  reseal: (given) =>
    write(async (txn) => {
      let written = 0;
      for (const text of given) written += await resealOne(txn, text);
      return written;
    }),
});

const record = async (txn: Transaction, entries: readonly NewAuditEntry[]): Promise<void> => {
  if (entries.length === 0) return;
  const of = <T>(pick: (entry: NewAuditEntry) => T): T[] => entries.map(pick);
  const rows = await txn.all(RECORD, {
    ats: numbers(of(({ at }) => at)),
    actors: texts(of(({ actor }) => actor)),
    doors: texts(of(({ door }) => door)),
    actions: texts(of(({ action }) => action)),
    targets: texts(of(({ target }) => target)),
    filters: texts(of(({ filter }) => filter)),
    counts: numbers(of(({ count }) => count)),
    details: texts(of(({ detail }) => detail)),
  });
  txn.witness ??= { statement: IS_RECORDED, params: { n: number(rows[0]!['n']), at: entries[0]!.at } };
};

const resealOne = (txn: Transaction, { seq, on, text, by }: SealedText & { readonly by: string }): Promise<number> =>
  on === null ? txn.run(RESEAL, { seq, text, by }) : txn.run(RESEAL_CALLBACK, { seq, on, text, by });
