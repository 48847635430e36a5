/** Who may come in, what they changed, and encrypted values when their key changes; see src/store/access-store.ts. */
import { accessValues, changed, conditions, toAccess, toAudit, toSealed } from '../../access-rows.ts';
import type { AccessStore, SealedText } from '../../access-store.ts';
import { type Connection, sql } from '../driver.ts';
import type { Transaction } from '../transaction.ts';

const INSERT = sql`
  INSERT INTO job_access (id, kind, parent, name, hash, scope, queues, tenants, created_at, expires_at, last_used_at, revoked_at)
  VALUES (@id, @kind, @parent, @name, @hash, @scope, @queues, @tenants, @createdAt, @expiresAt, @lastUsedAt, @revokedAt)
  ON CONFLICT DO NOTHING`;
const GET = sql`SELECT * FROM job_access WHERE id = ?`;
const TOKENS = sql`SELECT * FROM job_access WHERE kind = 'token' ORDER BY created_at, id`;
const RECORD = sql`
  INSERT INTO job_audit (at, actor, door, action, target, filter, count, detail)
  VALUES (@at, @actor, @door, @action, @target, @filter, @count, @detail)`;

/** Small enough to let others in between. */
const FORGET_ACCESS = sql`
  DELETE FROM job_access WHERE id IN (
    SELECT id FROM job_access WHERE expires_at < @before OR revoked_at < @before LIMIT 1000)`;
const FORGET_AUDIT = sql`DELETE FROM job_audit WHERE n IN (SELECT n FROM job_audit WHERE at < ? ORDER BY at LIMIT 2000)`;
/** The numbers have no gaps but those of what was forgotten. */
const FORGET_REST = sql`
  DELETE FROM job_audit WHERE n IN (
    SELECT n FROM job_audit WHERE n <= (SELECT max(n) FROM job_audit) - ? ORDER BY n LIMIT 2000)`;

/** A large payload lies beside its row. What looks like an encrypted value and is none is passed over by who reads it. */
const PAYLOADS = sql`
  SELECT seq, NULL AS kind, id, tenant, unique_key, schedule_id, text FROM (
    SELECT j.seq, j.id, j.tenant, j.unique_key, j.schedule_id, CASE WHEN j.large THEN p.payload ELSE j.payload END AS text
    FROM jobs j LEFT JOIN job_payloads p ON p.seq = j.seq WHERE j.seq > @seq)
  WHERE instr(text, '$secret') > 0 ORDER BY seq LIMIT +@limit`;
const CALLBACKS = sql`
  SELECT job AS seq, kind, id, NULL AS tenant, NULL AS unique_key, NULL AS schedule_id, body AS text FROM job_callbacks
  WHERE (job, kind) > (@seq, @kind) AND instr(body, '$secret') > 0 ORDER BY job, kind LIMIT +@limit`;
const RESEAL = [
  sql`UPDATE jobs SET payload = @by WHERE seq = @seq AND large = 0 AND payload = @text`,
  sql`UPDATE job_payloads SET payload = @by WHERE seq = @seq AND payload = @text`,
];
const RESEAL_CALLBACK = sql`UPDATE job_callbacks SET body = @by WHERE job = @seq AND kind = @on AND body = @text`;

export const accessStore = (
  read: <T>(work: (db: Connection) => T) => T,
  write: <T>(work: (txn: Transaction) => T) => Promise<T>,
): AccessStore => ({
  insert: (entry) => write((txn) => txn.run(INSERT, accessValues(entry)) > 0),
  get: async (id) => {
    const row = read((db) => db.get(GET, id));
    return row ? toAccess(row) : null;
  },
  tokens: async () => read((db) => db.all(TOKENS)).map(toAccess),
  change: (id, change) => {
    const set = changed(change);
    const statement = `UPDATE job_access SET ${set.map(([column]) => `${column} = ?`).join(', ')} WHERE id = ? AND revoked_at IS NULL`;
    return write((txn) => txn.run(statement, ...set.map(([, value]) => value), id) > 0);
  },
  record: (entries) =>
    write((txn) => {
      for (const entry of entries) txn.run(RECORD, { ...entry });
    }),
  audit: async (filter, { limit, before }) => {
    const parts = conditions(filter);
    const where = [...parts.map(([condition]) => `${condition} ?`), ...(before === null ? [] : ['n < ?'])].join(
      ' AND ',
    );
    const values = [...parts.map(([, value]) => value), ...(before === null ? [] : [before])];
    return read((db) =>
      db.all(`SELECT * FROM job_audit WHERE ${where || 'true'} ORDER BY n DESC LIMIT +?`, ...values, limit),
    ).map(toAudit);
  },
  forget: ({ endedBefore, auditBefore, auditMost }) =>
    write((txn) => {
      const ended = endedBefore === null ? 0 : txn.run(FORGET_ACCESS, { before: endedBefore });
      const old = auditBefore === null ? 0 : txn.run(FORGET_AUDIT, auditBefore);
      return ended + old + (auditMost === null ? 0 : txn.run(FORGET_REST, auditMost));
    }),
  sealed: async (after, limit) =>
    read((db) => {
      const found = after?.on ? [] : db.all(PAYLOADS, { seq: after?.seq ?? 0, limit });
      if (found.length === limit) return found;
      const from = after?.on ? { seq: after.seq, kind: after.on } : { seq: 0, kind: '' };
      return [...found, ...db.all(CALLBACKS, { ...from, limit: limit - found.length })];
    }).map(toSealed),
  reseal: (texts) => write((txn) => texts.reduce((sum, text) => sum + resealOne(txn, text), 0)),
});

const resealOne = (txn: Transaction, { seq, on, text, by }: SealedText & { readonly by: string }): number =>
  on === null
    ? RESEAL.reduce((sum, statement) => sum + txn.run(statement, { seq, text, by }), 0)
    : txn.run(RESEAL_CALLBACK, { seq, on, text, by });
