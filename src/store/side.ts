/**
 * The two sides of a move between databases: what is read of one, and written to the other, in a form that belongs to neither. One
 * row is one record; which columns there are stands here, how they are kept in src/store/sqlite and src/store/postgres.
 */
import type { BacklineError } from '../job/backline-error.ts';
import { type MoveState, moveUnfinished, storeMoved } from '../job/move-errors.ts';
import { hasEnded } from '../util/process.ts';
import type { IntegrityReport, WorkerRow } from './store.ts';

export type Value = string | number | boolean | null;
/** The values of one row, in the order of the table's columns. */
export type Row = readonly Value[];
/** The values of a row's key. */
export type Key = readonly (string | number)[];

/** `integer`: whole numbers; `flag`: true or false; `times`: a histogram (src/job/histogram.ts) as JSON text without zeros at its end. */
export type Kind = 'integer' | 'text' | 'flag' | 'times';

/** What is carried over of one kind: its columns by name, and those of them that name a row, in which order it is read. */
export interface Table {
  readonly name: string;
  readonly key: readonly string[];
  readonly columns: readonly (readonly [name: string, kind: Kind])[];
}

const columns = (kind: Kind, names: string): (readonly [string, Kind])[] =>
  names.split(' ').map((name) => [name, kind] as const);

/**
 * What a job has, whatever tables its store keeps it in. Times are epoch milliseconds; `tags` is JSON text. `policy` is that of a batch;
 * `open` and `timed_out_at` are set while it runs.
 */
export const JOBS: Table = {
  name: 'jobs',
  key: ['seq'],
  columns: [
    ...columns('integer', 'seq'),
    ...columns('text', 'id type queue status payload'),
    ...columns('integer', 'priority run_at max_attempts max_crashes'),
    ...columns('text', 'limit_key unique_key parent_job_id tenant replay_of tags'),
    ...columns('flag', 'user_initiated'),
    ...columns('integer', 'timeout_ms total_ms expires_at created_at queued_at life claim attempts crashes progress'),
    ...columns('integer', 'started_at deadline_at timeout_at completed_at cancel_requested_at'),
    ...columns('text', 'lease_owner note cancel_reason result error policy'),
    ...columns('flag', 'open'),
    ...columns('integer', 'timed_out_at'),
    ...columns('text', 'schedule_id'),
    ...columns('integer', 'slot_at'),
  ],
};

/** All that moves, in the order in which it is read and written: what others name comes first. */
export const TABLES: readonly Table[] = [
  {
    name: 'job_queues',
    key: ['name'],
    columns: [
      ...columns('text', 'name'),
      ...columns('flag', 'paused'),
      ...columns('text', 'paused_reason paused_by'),
      ...columns('integer', 'paused_until paused_at max_running'),
    ],
  },
  { name: 'job_limits', key: ['key'], columns: [...columns('text', 'key'), ...columns('integer', 'max_running')] },
  {
    name: 'job_schedules',
    key: ['id'],
    columns: [
      ...columns('text', 'id type job timing missed overlap'),
      ...columns('integer', 'max_instances'),
      ...columns('text', 'source build'),
      ...columns('integer', 'version'),
      ...columns('text', 'registered'),
      ...columns('integer', 'paused_at'),
      ...columns('text', 'paused_reason paused_by'),
      ...columns('integer', 'paused_until done_until next_slot next_at wake_at'),
      ...columns('text', 'zone_data problem'),
      ...columns('integer', 'fired missed_slots skipped by_hand last_slot'),
      ...columns('text', 'last_job_id'),
      ...columns('integer', 'last_fired_at created_at updated_at'),
    ],
  },
  {
    name: 'job_schedule_history',
    key: ['schedule', 'n'],
    columns: [
      ...columns('text', 'schedule'),
      ...columns('integer', 'n at'),
      ...columns('text', 'kind'),
      ...columns('integer', 'seldom slot_at last_slot_at count'),
      ...columns('text', 'job_id actor reason changes'),
    ],
  },
  JOBS,
  {
    name: 'job_callbacks',
    key: ['job', 'kind'],
    columns: [...columns('integer', 'job'), ...columns('text', 'kind id type body')],
  },
  {
    name: 'job_attempts',
    key: ['job', 'claim'],
    columns: [
      ...columns('integer', 'job claim attempt life started_at ended_at'),
      ...columns('text', 'worker outcome error'),
    ],
  },
  {
    name: 'job_logs',
    key: ['job', 'claim', 'n'],
    columns: [...columns('integer', 'job claim n at'), ...columns('text', 'level message fields')],
  },
  {
    name: 'job_key_windows',
    key: ['key'],
    columns: [...columns('text', 'key job'), ...columns('integer', 'until')],
  },
  {
    name: 'job_requests',
    key: ['key'],
    columns: [...columns('text', 'key fingerprint outcomes'), ...columns('integer', 'until')],
  },
  {
    name: 'job_minutes',
    key: ['minute', 'queue', 'type'],
    columns: [
      ...columns('integer', 'minute'),
      ...columns('text', 'queue type'),
      ...columns('integer', 'created started completed failed timeout cancelled retried wait_ms ran run_ms'),
      ...columns('times', 'wait_times run_times'),
    ],
  },
  {
    name: 'job_depths',
    key: ['minute', 'queue'],
    columns: [...columns('integer', 'minute'), ...columns('text', 'queue'), ...columns('integer', 'waiting running')],
  },
  {
    name: 'job_access',
    key: ['id'],
    columns: [
      ...columns('text', 'id kind parent name hash scope queues tenants'),
      ...columns('integer', 'created_at expires_at last_used_at revoked_at'),
    ],
  },
  {
    name: 'job_audit',
    key: ['n'],
    columns: [
      ...columns('integer', 'n at'),
      ...columns('text', 'actor door action target filter'),
      ...columns('integer', 'count'),
      ...columns('text', 'detail'),
    ],
  },
];

/** A histogram in the one form in which it is compared: the stores differ in the zeros at its end. */
export const timesText = (json: string): string => {
  const counts = JSON.parse(json) as number[];
  return JSON.stringify(counts.slice(0, counts.findLastIndex((n) => n > 0) + 1));
};

/** The key of a row. */
export const keyOf = (table: Table, row: Row): Key =>
  table.key.map((name) => row[table.columns.findIndex(([column]) => column === name)] as string | number);

/** Where a move stands: all tables before this one are written, and of this one what comes up to the key. */
export interface Position {
  readonly table: string;
  readonly after: Key | null;
  /** Rows written so far, of all tables. */
  readonly rows: number;
}

/** What a database says of a move that it takes part in. */
export interface Mark {
  /** Random; the same on both sides. */
  readonly id: string;
  readonly role: 'source' | 'target';
  readonly state: MoveState;
  /** The other side, without secrets. */
  readonly peer: string;
  /** When it began, by the clock of who started it. */
  readonly at: number;
  /** Of a target. */
  readonly position: Position;
}

/** Why a database that stands marked cannot be used for anything else. */
export const refusalOf = (
  where: string,
  { role, state, peer }: Pick<Mark, 'role' | 'state' | 'peer'>,
): BacklineError => (role === 'source' ? storeMoved(where, peer, state) : moveUnfinished(where, peer));

/** Those that may still write: not those whose lease is over, nor those whose process is known to have ended. In words; null if there are none. */
export const aliveAmong = (workers: readonly WorkerRow[], now: number): string | null => {
  const alive = workers.filter((worker) => worker.leaseUntil > now && !hasEnded(worker));
  return alive.map(({ name, host, pid }) => `${name} (process ${pid} on ${host})`).join(', ') || null;
};

/** What belongs to no row: the highest number ever given out, and how many results came too late. */
export interface Numbers {
  readonly lastSeq: number;
  readonly lateResults: number;
}

/** Rows read at once, and bytes of text in them, more or less. */
export interface ChunkSize {
  readonly rows: number;
  readonly bytes: number;
}

/** A database as one end of a move. Nothing but the move itself can write to it between `mark` and its end. */
export interface Side {
  /** Without secrets. */
  readonly where: string;
  /** What no other database has, whatever address it is reached under. */
  identity(): Promise<string>;
  /** The mark of a move, or null. */
  mark(): Promise<Mark | null>;
  /** Workers that are alive, in words; null if there are none. @param now of this machine; a server has its own. */
  workers(now: number): Promise<string | null>;
  /** What would be in the way of jobs from elsewhere, in words; null if nothing is. */
  contents(): Promise<string | null>;
  check(): Promise<IntegrityReport>;
  /** How many rows of a table there are, more or less. */
  size(table: Table): Promise<number>;
  numbers(): Promise<Numbers>;

  /**
   * Marks the database, and from then on refuses every other write, also those of processes that have it open. In one transaction
   * with the look at its workers and, for a target, at its contents.
   * @throws WORKERS_ALIVE, TARGET_NOT_EMPTY; MOVE_CONFLICT if another move was quicker.
   */
  begin(mark: Omit<Mark, 'state' | 'position'>): Promise<void>;
  /** Of a source: its jobs have arrived. */
  moved(): Promise<void>;
  /** Takes the mark away, and lets others write again. */
  release(): Promise<void>;

  /** The next rows after a key, in order: at least one if there is one, up to the size. */
  read(table: Table, after: Key | null, size: ChunkSize): Promise<Row[]>;
  /** All rows after one key and up to another. */
  range(table: Table, after: Key | null, last: Key): Promise<Row[]>;
  /**
   * Writes rows and the position after them in one transaction, if the position is still the one before.
   * @throws MOVE_CONFLICT if it is not.
   */
  write(id: string, table: Table, rows: readonly Row[], from: Position, to: Position): Promise<void>;
  /** After the last row: numbers go on where the source's ended. May be repeated. */
  settle(id: string, numbers: Numbers): Promise<void>;
  /** Deletes everything that an unfinished move has written. */
  empty(): Promise<void>;

  close(): Promise<void>;
}
