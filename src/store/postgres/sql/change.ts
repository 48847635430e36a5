/** What workers and people do to jobs. Whoever deletes the row that says where a job stands has the right to move it. */
import type { Change } from '../../../job/change.ts';
import { isFinal, type Status } from '../../../job/states.ts';
import { endingOf } from '../../ending.ts';
import { jobOf, number, text, toChange } from '../../rows.ts';
import type { Adjustment, AdjustOutcome, ApplyOutcome, LogEntry, ProgressUpdate } from '../../store.ts';
import { numbers, sql, texts } from '../driver.ts';
import type { Transaction } from '../transaction.ts';
import { LOOKS } from './cancel.ts';
import { putBack, takeWaiting } from './waiting.ts';

/**
 * The end of attempts, all at once. The row of job_running is the guard: seq, claim and id must be those of the claim, and a
 * requested cancel wins over everything but the cancel itself. $bump: a rescue raises the claim, so that a late end finds nothing.
 */
const APPLY = sql`
  WITH given AS MATERIALIZED (
      SELECT * FROM unnest($seqs::bigint[], $claims::int[], $ids::text[], $tos::text[], $outcomes::text[], $ats::bigint[], $runAts::bigint[],
        $attempts::int[], $crashes::int[], $results::text[], $errors::text[], $failures::text[])
      WITH ORDINALITY AS g(seq, claim, id, "to", outcome, at, run_at, attempts, crashes, result, error, failure, ord)),
    gone AS (
      DELETE FROM backline.job_running r USING given g
      WHERE r.seq = g.seq AND r.claim = g.claim AND r.id = g.id AND (r.cancel_requested_at IS NULL OR g."to" = 'cancelled')
      RETURNING g.*, r.attempts AS attempt, r.life, r.owner, r.queue, r.type, r.priority, r.limit_key, r.unique_key, r.started_at,
        r.timeout_at, r.deadline_at, r.progress, r.cancel_requested_at, r.parent_job_id),
    tried AS (
      INSERT INTO backline.job_attempts (job, claim, attempt, life, started_at, ended_at, worker, outcome, error)
      SELECT seq, claim, attempt, life, started_at, at, owner, outcome, failure FROM gone WHERE "to" <> 'completed'
      ON CONFLICT DO NOTHING),
    ended AS (
      INSERT INTO backline.job_done (seq, status, claim, attempts, crashes, progress, started_at, timeout_at, deadline_at, completed_at,
        lease_owner, cancel_requested_at, result, error, parent_job_id)
      SELECT seq, "to", claim + $bump::int, attempts, crashes, CASE WHEN "to" = 'completed' THEN 100 ELSE progress END, started_at,
        timeout_at, deadline_at, at, owner, cancel_requested_at, result, error, parent_job_id FROM gone WHERE "to" <> 'queued'),
    unkeyed AS (
      DELETE FROM backline.job_keys k USING gone g WHERE g."to" <> 'queued' AND k.key = g.unique_key AND k.job = g.id),
    again AS (
      UPDATE backline.job_body b SET run_at = g.run_at, attempts = g.attempts, crashes = g.crashes, claim = g.claim + $bump::int,
        queued_at = g.at, progress = g.progress, error = g.error, started_at = g.started_at, deadline_at = g.deadline_at,
        lease_owner = g.owner
      FROM gone g WHERE b.seq = g.seq AND g."to" = 'queued'),
    queued AS (
      INSERT INTO backline.job_ready (queue, type, priority, run_at, seq, limit_key, parent_job_id)
      SELECT queue, type, priority, run_at, seq, limit_key, parent_job_id FROM gone WHERE "to" = 'queued')
  SELECT ord, limit_key FROM gone`;

const RUNNING = sql`SELECT seq, claim, id FROM backline.job_running WHERE seq = ANY ($seqs::bigint[])`;

export const applyChanges = async (txn: Transaction, changes: readonly Change[]): Promise<ApplyOutcome[]> => {
  const outcomes = new Array<ApplyOutcome>(changes.length);
  const first = new Map<string, number>();
  const again: number[] = [];
  for (const [i, change] of changes.entries()) {
    const name = nameOf(change);
    if (first.has(name)) again.push(i);
    else first.set(name, i);
  }
  // In order of seq, as everybody locks rows.
  const once = [...first.values()].sort((a, b) => changes[a]!.job.seq - changes[b]!.job.seq);
  const applied = await applyOnce(
    txn,
    once.map((i) => asEnding(changes[i]!)),
    0,
  );
  const missed = once.filter((_, k) => !applied.has(k));
  for (const [k, i] of once.entries()) if (applied.has(k)) outcomes[i] = 'applied';
  const waiting = await stillRunning(
    txn,
    missed.map((i) => changes[i]!),
  );
  for (const [k, i] of missed.entries()) outcomes[i] = waiting[k] ? 'cancel-requested' : 'late';
  for (const i of missed) if (outcomes[i] === 'late') txn.late();
  // The same attempt a second time in one call: the first counts, unless it was refused and this one is not.
  for (const i of again)
    if (outcomes[first.get(nameOf(changes[i]!))!] === 'applied') {
      outcomes[i] = 'late';
      txn.late();
    } else outcomes[i] = (await applyChanges(txn, [changes[i]!]))[0]!;
  return outcomes;
};

const nameOf = ({ job }: Change): string => `${job.seq} ${job.claim} ${job.id}`;

/** A change, and what the job itself says of it. */
export interface Ending {
  readonly change: Change;
  readonly message: string | null;
}

const asEnding = (change: Change): Ending => ({ change, message: change.failure?.message ?? null });

/** @param bump what is added to the claim. @returns the positions of those that were applied. */
export const applyOnce = async (txn: Transaction, endings: readonly Ending[], bump: 0 | 1): Promise<Set<number>> => {
  if (endings.length === 0) return new Set();
  const rows = await txn.all(APPLY, { ...paramsOf(endings), bump });
  const applied = new Set<number>();
  for (const row of rows) {
    const k = number(row['ord']) - 1;
    applied.add(k);
    txn.free(row['limit_key'] as string | null);
  }
  for (const k of [...applied].sort((a, b) => a - b)) {
    const { change, message } = endings[k]!;
    const { queue, type, priority, seq } = change.job;
    if (change.to === 'queued') txn.readied?.push({ queue, type, priority, runAt: change.runAt, seq });
    txn.moved(change.job, 'running', change.to, change.at);
    const ended = change.to === 'queued' ? RETRIED[change.outcome] : change.to;
    if (ended) txn.rollups.ended(change.job, ended, change.job.startedAt, change.at);
    txn.tell(() => endingOf(change, message));
  }
  return applied;
};

/** Which ends of an attempt count as one; what was put off or handed back did not end. */
const RETRIED: Partial<Record<Change['outcome'], 'retried'>> = {
  failed: 'retried',
  timeout: 'retried',
  crashed: 'retried',
};

const paramsOf = (endings: readonly Ending[]) => {
  const of = <T>(pick: (change: Change) => T): T[] => endings.map(({ change }) => pick(change));
  return {
    seqs: numbers(of(({ job }) => job.seq)),
    claims: numbers(of(({ job }) => job.claim)),
    ids: texts(of(({ job }) => job.id)),
    tos: texts(of(({ to }) => to)),
    outcomes: texts(of(({ outcome }) => outcome)),
    ats: numbers(of(({ at }) => at)),
    runAts: numbers(of(({ runAt }) => runAt)),
    attempts: numbers(of(({ attempts }) => attempts)),
    crashes: numbers(of(({ crashes }) => crashes)),
    results: texts(of(({ result }) => result)),
    errors: texts(endings.map(({ message }) => message)),
    failures: texts(of(({ failure }) => (failure === null ? null : JSON.stringify(failure)))),
  };
};

/** For each change, whether its attempt still runs: then only a requested cancel can have stood in its way. */
const stillRunning = async (txn: Transaction, changes: readonly Change[]): Promise<boolean[]> => {
  if (changes.length === 0) return [];
  const rows = await txn.all(RUNNING, { seqs: numbers(changes.map(({ job }) => job.seq)) });
  const names = new Set(rows.map((row) => `${row['seq']} ${row['claim']} ${row['id']}`));
  return changes.map((change) => names.has(nameOf(change)));
};

/** The last word on each job counts; in order of seq, as everybody locks rows. */
const PROGRESS = sql`
  UPDATE backline.job_running r SET progress = g.percent, note = g.note
  FROM (SELECT * FROM unnest($seqs::bigint[], $claims::int[], $ids::text[], $percents::int[], $notes::text[])
    AS g(seq, claim, id, percent, note) ORDER BY seq) g
  WHERE r.seq = g.seq AND r.claim = g.claim AND r.id = g.id RETURNING r.seq`;

export const saveProgress = async (
  txn: Transaction,
  updates: readonly ProgressUpdate[],
  now: number,
): Promise<void> => {
  const last = new Map(updates.map((update) => [`${update.job.seq} ${update.job.claim}`, update]));
  const given = [...last.values()].sort((a, b) => a.job.seq - b.job.seq);
  if (given.length === 0) return;
  const rows = await txn.all(PROGRESS, {
    seqs: numbers(given.map(({ job }) => job.seq)),
    claims: numbers(given.map(({ job }) => job.claim)),
    ids: texts(given.map(({ job }) => job.id)),
    percents: numbers(given.map(({ percent }) => percent)),
    notes: texts(given.map(({ note }) => note)),
  });
  const written = new Set(rows.map((row) => number(row['seq'])));
  for (const { job, percent, note } of given)
    if (written.has(job.seq))
      txn.tell(() => {
        const { seq, id, type, queue, attempts, runAt } = job;
        const change = { kind: 'progress', seq, id, type, queue, attempts, runAt, at: now } as const;
        return { ...change, from: 'running', to: 'running', progress: percent, note };
      });
};

const LOG = sql`
  INSERT INTO backline.job_logs (job, claim, n, at, level, message, fields)
  SELECT * FROM unnest($seqs::bigint[], $claims::int[], $ns::int[], $ats::bigint[], $levels::text[], $messages::text[], $fields::text[])
  ON CONFLICT DO NOTHING`;

export const appendLogs = async (txn: Transaction, lines: readonly LogEntry[]): Promise<void> => {
  if (lines.length === 0) return;
  await txn.run(LOG, {
    seqs: numbers(lines.map(({ seq }) => seq)),
    claims: numbers(lines.map(({ claim }) => claim)),
    ns: numbers(lines.map(({ n }) => n)),
    ats: numbers(lines.map(({ at }) => at)),
    levels: texts(lines.map(({ level }) => level)),
    messages: texts(lines.map(({ message }) => message)),
    fields: texts(lines.map(({ fields }) => fields)),
  });
};

/** The same among what is written together. */
export const writeLogs = async (txn: Transaction, lines: readonly LogEntry[]): Promise<null[]> => {
  await appendLogs(txn, lines);
  return [];
};

const FIND = sql`SELECT seq, id, type, queue, status, attempts, run_at, policy FROM backline.jobs WHERE id = $id`;
const ADJUST = sql`
  UPDATE backline.job_body SET priority = coalesce($priority::int, priority), run_at = coalesce($runAt::bigint, run_at),
    held = coalesce($held::boolean, held),
    queued_at = coalesce(queued_at, CASE WHEN NOT coalesce($held::boolean, held) THEN $now::bigint END)
  WHERE seq = $seq RETURNING id, type, queue, attempts, run_at, parent_job_id, held`;

/** A changed row stands open again: the claim puts it aside if it must. */
export const adjustJob = async (
  txn: Transaction,
  id: string,
  change: Adjustment,
  now: number,
): Promise<AdjustOutcome> => {
  for (let look = 0; ; look++) {
    const found = await txn.get(FIND, { id });
    if (!found) return { kind: 'missing' };
    if (found['policy'] !== null) return { kind: 'batch' };
    const seq = number(found['seq']);
    const [waiting] = await takeWaiting(txn, [seq]);
    const status = text(found['status']) as Status;
    if (!waiting) {
      // Others moved it between the two statements: it runs, has ended, or waits again.
      const isOver = isFinal(status) || status === 'running';
      if (isOver || look === LOOKS) return { kind: 'refused', status };
      continue;
    }
    const { priority = null, runAt = null, held = null } = change;
    const row = await txn.get(ADJUST, { seq, priority, runAt, held, now });
    await putBack(txn, [seq]);
    const to: Status = row!['held'] === true ? 'created' : 'queued';
    txn.moved(jobOf(row!), waiting.from, to, now);
    txn.tell(() => toChange({ ...row!, seq }, 'status', waiting.from, to, now));
    return { kind: 'done' };
  }
};
