/** Jobs come in: many calls are one statement, and only keys and parents that depend on one another are taken in turn. */
import type { NewBatch, NewJob } from '../../../job/enqueue-options.ts';
import { storeBusy } from '../../../job/errors.ts';
import type { Status } from '../../../job/states.ts';
import { owned } from '../../../job/tenant.ts';
import { number, text, textOrNull, toChange } from '../../rows.ts';
import type { InsertOutcome } from '../../store.ts';
import { flags, numbers, type Row, sql, texts } from '../driver.ts';
import type { Transaction } from '../transaction.ts';
import { HELD, putBack, takeWaiting } from './waiting.ts';

/** One job of a call, and the time of that call: calls that arrive together are written together. */
export interface Insertion {
  readonly job: NewJob;
  readonly now: number;
  /** Batches of this call that were not inserted: what follows as their children must not become those of whatever has that id. */
  readonly refused: Set<string>;
}

/** ORDER BY ord: numbers are given out in the order of the calls. ON CONFLICT: a duplicate id is left out, and its row is missing from the answer. */
const INSERT = sql`
  WITH given AS MATERIALIZED (
      SELECT * FROM unnest($ids::text[], $types::text[], $queues::text[], $priorities::int[], $runAts::bigint[], $payloads::text[],
        $maxAttempts::int[], $maxCrashes::int[], $limitKeys::text[], $keys::text[], $parents::text[], $replays::text[], $byUser::boolean[],
        $timeouts::bigint[], $totals::bigint[], $expires::bigint[], $nows::bigint[], $tags::text[], $held::boolean[], $policies::text[],
        $schedules::text[], $slots::bigint[], $tenants::text[])
      WITH ORDINALITY AS g(id, type, queue, priority, run_at, payload, max_attempts, max_crashes, limit_key, unique_key, parent, replay_of,
        by_user, timeout_ms, total_ms, expires_at, now, tags, held, policy, schedule_id, slot_at, tenant, ord)),
    body AS (
      INSERT INTO backline.job_body (id, type, queue, priority, run_at, payload, max_attempts, max_crashes, limit_key, unique_key,
        parent_job_id, replay_of, user_initiated, timeout_ms, total_ms, expires_at, created_at, tags, policy, held, queued_at,
        schedule_id, slot_at, tenant)
      SELECT id, type, queue, priority, run_at, payload, max_attempts, max_crashes, limit_key, unique_key, parent, replay_of, by_user,
        timeout_ms, total_ms, expires_at, now,
        CASE WHEN tags IS NOT NULL THEN ARRAY(SELECT json_array_elements_text(tags::json)) END,
        policy, held, CASE WHEN NOT held AND policy IS NULL THEN now END,
        schedule_id, slot_at, tenant
      FROM given ORDER BY ord
      ON CONFLICT (id) DO NOTHING
      RETURNING seq, id, queue, type, priority, run_at, limit_key, expires_at, parent_job_id, held, policy),
    ready AS (
      INSERT INTO backline.job_ready (queue, type, priority, run_at, seq, limit_key, expires_at, parent_job_id)
      SELECT queue, type, priority, run_at, seq, limit_key, expires_at, parent_job_id FROM body WHERE NOT held AND policy IS NULL),
    aside AS (
      INSERT INTO backline.job_aside (seq, gate, queue, type, priority, run_at, limit_key, expires_at, parent_job_id)
      SELECT seq, ${String(HELD)}, queue, type, priority, run_at, limit_key, expires_at, parent_job_id FROM body WHERE held)
  SELECT seq, id FROM body ORDER BY seq`;

const IS_THERE = sql`SELECT EXISTS (SELECT 1 FROM backline.job_body WHERE id = $id AND seq = $seq) AS there`;

/** In order of the names: two transactions that make the same queues wait for each other in one direction only. */
const ENSURE_QUEUES = sql`
  INSERT INTO backline.job_queues (name) SELECT name FROM unnest($names::text[]) AS n(name) ORDER BY name ON CONFLICT DO NOTHING`;

/** Of batches: they run at once, and their callbacks wait beside them. */
const START_BATCHES = sql`
  INSERT INTO backline.job_batches (seq, id, type, queue, run_at, parent_job_id, life, policy, open, started_at, deadline_at)
  SELECT b.seq, b.id, b.type, b.queue, b.run_at, b.parent_job_id, b.life, b.policy, g.open, b.created_at, b.created_at + b.total_ms
  FROM unnest($seqs::bigint[], $open::boolean[]) AS g(seq, open) JOIN backline.job_body b ON b.seq = g.seq`;
const INSERT_CALLBACKS = sql`
  INSERT INTO backline.job_callbacks (job, kind, id, type, body)
  SELECT * FROM unnest($seqs::bigint[], $kinds::text[], $ids::text[], $types::text[], $bodies::text[])`;

/** KEY SHARE: a parent that is being removed is waited for, and one that is found stays until this transaction has ended. */
const PARENTS = sql`SELECT id, tenant FROM backline.job_body WHERE id = ANY ($ids::text[]) ORDER BY seq FOR KEY SHARE`;
/** A batch that is found running cannot end before this transaction has: see batch.ts. */
const LOCK_BATCHES = sql`SELECT id FROM backline.job_batches WHERE id = ANY ($ids::text[]) ORDER BY seq DESC FOR UPDATE`;
const ENDED_BATCHES = sql`
  SELECT b.id, d.status FROM backline.job_body b JOIN backline.job_done d ON d.seq = b.seq
  WHERE b.id = ANY ($ids::text[]) AND b.policy IS NOT NULL`;

const HOLDERS = sql`
  SELECT k.key, 0 AS by_window, j.seq, j.id, j.type, j.queue, j.status, j.attempts
  FROM backline.job_keys k JOIN backline.jobs j ON j.id = k.job WHERE k.key = ANY ($keys::text[])
  UNION ALL
  SELECT w.key, 1, j.seq, j.id, j.type, j.queue, j.status, j.attempts
  FROM unnest($keys::text[], $nows::bigint[]) AS g(key, now)
  JOIN backline.job_key_windows w ON w.key = g.key AND w.until > g.now JOIN backline.jobs j ON j.id = w.job
  ORDER BY by_window DESC`;

/** Whoever gets the row has the key; a transaction that is just giving it out or back is waited for. */
const TAKE_KEYS = sql`
  INSERT INTO backline.job_keys (key, job)
  SELECT key, job FROM unnest($keys::text[], $jobs::text[]) AS g(key, job) ORDER BY key ON CONFLICT DO NOTHING RETURNING key`;
const GIVE_BACK_KEYS = sql`
  DELETE FROM backline.job_keys k USING unnest($keys::text[], $jobs::text[]) AS g(key, job) WHERE k.key = g.key AND k.job = g.job`;
const OPEN_WINDOWS = sql`
  INSERT INTO backline.job_key_windows (key, job, until)
  SELECT key, job, until FROM unnest($keys::text[], $jobs::text[], $untils::bigint[]) AS g(key, job, until) ORDER BY key
  ON CONFLICT (key) DO UPDATE SET job = excluded.job, until = excluded.until`;

const REPLACE = sql`
  UPDATE backline.job_body SET type = $type, queue = $queue, priority = $priority, run_at = $runAt, payload = $payload,
    max_attempts = $maxAttempts, max_crashes = $maxCrashes, timeout_ms = $timeoutMs, total_ms = $totalMs, expires_at = $expiresAt,
    limit_key = $limitKey, tags = CASE WHEN $tags::text IS NOT NULL THEN ARRAY(SELECT json_array_elements_text($tags::json)) END
  WHERE seq = $seq`;

/** How often a key is looked at again whose job was moved by others meanwhile. */
const LOOKS = 20;

/** Inserts jobs in order. What cannot be inserted is reported, and the others go in. */
export const insertJobs = async (txn: Transaction, given: readonly Insertion[]): Promise<InsertOutcome[]> => {
  await ensureQueues(txn, queuesOf(given.map(({ job }) => job)));
  return new Inserting(txn, given).run();
};

/** Whether any becomes a child of what is not a batch of the same call. */
export const addToOthers = (jobs: readonly NewJob[]): boolean => {
  const own = new Set(jobs.flatMap(({ id, batch }) => (batch ? [id] : [])));
  return jobs.some(({ parentId }) => parentId !== null && !own.has(parentId));
};

/** Those of callbacks, too: when they are handed in, it may be in a caller's transaction. */
export const queuesOf = (jobs: readonly NewJob[]): Set<string> =>
  new Set(jobs.flatMap(({ queue, batch }) => [queue, ...(batch?.callbacks.map(({ job }) => job.queue) ?? [])]));

export const ensureQueues = async (txn: Transaction, names: ReadonlySet<string>): Promise<void> => {
  const unknown = [...names].filter((name) => !txn.queues.has(name) && !txn.newQueues.has(name));
  if (unknown.length === 0) return;
  await txn.run(ENSURE_QUEUES, { names: texts(unknown) });
  for (const name of unknown) txn.newQueues.add(name);
};

/** One call's jobs, or those of many calls. A run is what can be written at once: no key twice, and no parent of another in it. */
class Inserting {
  readonly #txn: Transaction;
  readonly #given: Insertion[];
  readonly #outcomes: InsertOutcome[];
  /** Those that are there, and whose they are. */
  readonly #parents = new Map<string, string | null>();
  /** Parents that are batches, and have ended in this. */
  readonly #ended = new Map<string, Status>();
  #run: number[] = [];
  readonly #idsOfRun = new Set<string>();
  readonly #keysOfRun = new Set<string>();

  constructor(txn: Transaction, given: readonly Insertion[]) {
    this.#txn = txn;
    this.#given = [...given];
    this.#outcomes = new Array(given.length);
  }

  async run(): Promise<InsertOutcome[]> {
    await this.#findParents();
    for (const [i, { job: given, refused, now }] of this.#given.entries()) {
      const { id, parentId, batch } = given;
      if (parentId !== null && this.#idsOfRun.has(parentId)) await this.#write();
      const job = owned(given, parentId === null ? null : (this.#parents.get(parentId) ?? null));
      this.#given[i] = { job, refused, now };
      const { key } = job;
      if (key !== null && this.#keysOfRun.has(key)) await this.#write();
      const wrong = parentId === null ? null : this.#wrongParent(id, parentId, refused);
      if (wrong) {
        this.#outcomes[i] = wrong;
        if (batch) refused.add(id);
        continue;
      }
      this.#run.push(i);
      this.#idsOfRun.add(id);
      if (key !== null) this.#keysOfRun.add(key);
    }
    await this.#write();
    return this.#outcomes;
  }

  async #findParents(): Promise<void> {
    const named = new Set(this.#given.flatMap(({ job }) => job.parentId ?? []));
    if (named.size === 0) return;
    const ids = texts([...named]);
    const [parents, , ended] = await Promise.all([
      this.#txn.all(PARENTS, { ids }),
      this.#txn.all(LOCK_BATCHES, { ids }),
      this.#txn.all(ENDED_BATCHES, { ids }),
    ]);
    for (const row of parents) this.#parents.set(text(row['id']), textOrNull(row['tenant']));
    for (const row of ended) this.#ended.set(text(row['id']), text(row['status']) as Status);
  }

  /** Why a job cannot become a child of this one. */
  #wrongParent(id: string, parentId: string, refused: ReadonlySet<string>): InsertOutcome | null {
    if (refused.has(parentId) || !this.#parents.has(parentId)) return { kind: 'no-parent', id };
    const status = this.#ended.get(parentId);
    return status === undefined ? null : { kind: 'parent-ended', id, status };
  }

  async #write(): Promise<void> {
    const written = this.#run;
    let run = written;
    this.#run = [];
    this.#idsOfRun.clear();
    this.#keysOfRun.clear();
    for (let look = 0; run.length > 0; look++) {
      if (look === LOOKS)
        throw storeBusy(this.#txn.where, 0, 'the holders of a key came and went while it was looked at');
      run = await this.#writeOnce(run);
    }
    for (const i of written) {
      const { job, refused } = this.#given[i]!;
      if (job.batch && this.#outcomes[i]!.kind !== 'inserted') refused.add(job.id);
    }
  }

  /** @returns those that must be looked at again: their key was taken, but its holder has ended since. */
  async #writeOnce(run: readonly number[]): Promise<number[]> {
    const keyed = run.filter((i) => this.#given[i]!.job.key !== null);
    if (keyed.length === 0) {
      await this.#insert(run);
      return [];
    }
    const held = await this.#answerTaken(keyed);
    const free = keyed.filter((i) => !held.has(i));
    const got = await this.#takeKeys(free);
    await this.#insert(run.filter((i) => this.#given[i]!.job.key === null || got.has(i)));
    return free.filter((i) => !got.has(i));
  }

  /** Answers what the holder of the key decides. @returns which were answered. */
  async #answerTaken(keyed: readonly number[]): Promise<Set<number>> {
    const keys = keyed.map((i) => this.#given[i]!.job.key);
    const nows = keyed.map((i) => this.#given[i]!.now);
    const holders = new Map<string, Row>();
    // Windows first, so that an unfinished holder stands above them.
    for (const row of await this.#txn.all(HOLDERS, { keys: texts(keys), nows: numbers(nows) }))
      holders.set(text(row['key']), row);
    const answered = new Set<number>();
    for (const i of keyed) {
      const { job, now } = this.#given[i]!;
      const holder = holders.get(job.key!);
      if (!holder) continue;
      this.#outcomes[i] = await onTakenKey(this.#txn, job, holder, now);
      answered.add(i);
    }
    return answered;
  }

  async #takeKeys(free: readonly number[]): Promise<Set<number>> {
    if (free.length === 0) return new Set();
    const keys = texts(free.map((i) => this.#given[i]!.job.key));
    const jobs = texts(free.map((i) => this.#given[i]!.job.id));
    const got = new Set((await this.#txn.all(TAKE_KEYS, { keys, jobs })).map((row) => text(row['key'])));
    return new Set(free.filter((i) => got.has(this.#given[i]!.job.key!)));
  }

  async #insert(run: readonly number[]): Promise<void> {
    if (run.length === 0) return;
    const seqs = new Map<string, number>();
    for (const row of await this.#txn.all(INSERT, paramsOf(run.map((i) => this.#given[i]!))))
      seqs.set(text(row['id']), number(row['seq']));
    const refused: NewJob[] = [];
    const windows: NewJob[] = [];
    const batches: StartedBatch[] = [];
    for (const i of run) {
      const { job, now } = this.#given[i]!;
      const seq = seqs.get(job.id);
      // The same id twice in one run: the first has it.
      seqs.delete(job.id);
      if (seq === undefined) {
        this.#outcomes[i] = { kind: 'duplicate-id', id: job.id };
        if (job.key !== null) refused.push(job);
        continue;
      }
      this.#outcomes[i] = { kind: 'inserted', id: job.id, seq };
      this.#txn.witness ??= { statement: IS_THERE, params: { id: job.id, seq } };
      this.#parents.set(job.id, job.tenant);
      if (job.key !== null && job.keyUntil !== null) windows.push(job);
      if (job.batch) batches.push({ seq, job, batch: job.batch, now });
      const to = job.batch ? 'running' : job.status;
      const { queue, type, priority, runAt } = job;
      if (to === 'queued') this.#txn.readied?.push({ queue, type, priority, runAt, seq });
      this.#txn.moved(job, null, to, now);
      this.#txn.rollups.count(job, 'created', now);
      this.#txn.tell(() => ({ ...ofNew(job, seq), kind: 'status', at: now, from: null, to, attempts: 0 }));
    }
    await this.#settleKeys(refused, windows);
    if (batches.length > 0) await startBatches(this.#txn, batches);
  }

  async #settleKeys(refused: readonly NewJob[], windows: readonly NewJob[]): Promise<void> {
    const namesOf = (jobs: readonly NewJob[]) => ({
      keys: texts(jobs.map(({ key }) => key)),
      jobs: texts(jobs.map(({ id }) => id)),
    });
    if (refused.length > 0) await this.#txn.run(GIVE_BACK_KEYS, namesOf(refused));
    if (windows.length === 0) return;
    const untils = numbers(windows.map(({ keyUntil }) => keyUntil));
    await this.#txn.run(OPEN_WINDOWS, { ...namesOf(windows), untils });
  }
}

interface StartedBatch {
  readonly seq: number;
  readonly job: NewJob;
  readonly batch: NewBatch;
  readonly now: number;
}

const startBatches = async (txn: Transaction, batches: readonly StartedBatch[]): Promise<void> => {
  await txn.run(START_BATCHES, {
    seqs: numbers(batches.map(({ seq }) => seq)),
    open: flags(batches.map(({ batch }) => batch.open)),
  });
  const callbacks = batches.flatMap(({ seq, batch }) => batch.callbacks.map((callback) => ({ seq, ...callback })));
  if (callbacks.length > 0)
    await txn.run(INSERT_CALLBACKS, {
      seqs: numbers(callbacks.map(({ seq }) => seq)),
      kinds: texts(callbacks.map(({ on }) => on)),
      ids: texts(callbacks.map(({ job }) => job.id)),
      types: texts(callbacks.map(({ job }) => job.type)),
      bodies: texts(callbacks.map(({ seq: _, ...callback }) => JSON.stringify(callback))),
    });
  for (const { job, now } of batches) txn.touches.look(job.id, now);
};

const ofNew = ({ id, type, queue, runAt }: NewJob, seq: number) => ({ seq, id, type, queue, runAt });

const tagsOf = ({ tags }: NewJob): string | null => (tags.length > 0 ? JSON.stringify(tags.map(withoutZero)) : null);

/** JSON can hold the character 0, PostgreSQL's text cannot. */
const withoutZero = (tag: string): string => tag.replaceAll('\0', '\uFFFD');

const paramsOf = (given: readonly Insertion[]) => {
  const jobs = given.map(({ job }) => job);
  const of = <T>(pick: (job: NewJob) => T): T[] => jobs.map(pick);
  return {
    ids: texts(of(({ id }) => id)),
    types: texts(of(({ type }) => type)),
    queues: texts(of(({ queue }) => queue)),
    priorities: numbers(of(({ priority }) => priority)),
    runAts: numbers(of(({ runAt }) => runAt)),
    payloads: texts(of(({ payload }) => payload)),
    maxAttempts: numbers(of(({ maxAttempts }) => maxAttempts)),
    maxCrashes: numbers(of(({ maxCrashes }) => maxCrashes)),
    limitKeys: texts(of(({ limitKey }) => limitKey)),
    keys: texts(of(({ key }) => key)),
    parents: texts(of(({ parentId }) => parentId)),
    replays: texts(of(({ replayOf }) => replayOf)),
    byUser: flags(of(({ userInitiated }) => userInitiated)),
    timeouts: numbers(of(({ timeoutMs }) => timeoutMs)),
    totals: numbers(of(({ totalMs }) => totalMs)),
    expires: numbers(of(({ expiresAt }) => expiresAt)),
    nows: numbers(given.map(({ now }) => now)),
    tags: texts(of(tagsOf)),
    held: flags(of(({ status, batch }) => status === 'created' && !batch)),
    schedules: texts(of(({ slot }) => slot?.scheduleId ?? null)),
    slots: numbers(of(({ slot }) => slot?.at ?? null)),
    tenants: texts(of(({ tenant }) => tenant)),
    policies: texts(of(({ batch }) => (batch ? JSON.stringify(batch.policy) : null))),
  };
};

const onTakenKey = async (txn: Transaction, job: NewJob, holder: Row, now: number): Promise<InsertOutcome> => {
  const status = text(holder['status']) as Status;
  const found = { id: text(holder['id']), seq: number(holder['seq']), status };
  if (job.onConflict === 'return') return { kind: 'existing', ...found };
  const taken = { kind: 'key-taken', id: job.id, existing: found.id, status } as const;
  if (job.onConflict === 'reject') return taken;
  const [waiting] = await takeWaiting(txn, [found.seq]);
  if (!waiting) return taken;
  await replace(txn, job, { ...holder, status: waiting.from }, now);
  return { kind: 'replaced', ...found, status: waiting.from };
};

/** The waiting job gets the new values, and keeps its id, its number and its hold. */
const replace = async (txn: Transaction, job: NewJob, holder: Row, now: number): Promise<void> => {
  const { type, queue, priority, runAt, payload, maxAttempts, maxCrashes, timeoutMs, totalMs, expiresAt, limitKey } =
    job;
  const [seq, status] = [number(holder['seq']), text(holder['status']) as Status];
  const values = {
    type,
    queue,
    priority,
    runAt,
    payload,
    maxAttempts,
    maxCrashes,
    timeoutMs,
    totalMs,
    expiresAt,
    limitKey,
  };
  await txn.run(REPLACE, { ...values, tags: tagsOf(job), seq });
  await putBack(txn, [seq]);
  // It stays the child of its parent, for which nothing has changed.
  txn.moved({ queue: text(holder['queue']), type: text(holder['type']), parentId: null }, status, null, now);
  txn.moved({ ...job, parentId: null }, null, status, now);
  const row = { ...holder, type: job.type, queue: job.queue, run_at: job.runAt };
  txn.tell(() => toChange(row, 'status', status, status, now));
};
