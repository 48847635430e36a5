import type { Migration } from '../../migrate.ts';
import { sql } from '../driver.ts';

/**
 * One wide `jobs` table with S1's columns, defaults and index names, and small tables beside it. Why each index is as lean as it
 * is: every index is paid on every change (docs/decisions/0003-one-wide-jobs-table.md).
 */
export const jobs: Migration = {
  version: 1,
  name: 'jobs',
  sql: sql`
    -- seq: insertion order; every other index carries it for free as its last column. AUTOINCREMENT: a number is never given
    -- out twice, so a worker that comes back late cannot hit another job.
    -- gate, for queued jobs: 0 claimable · 1 waits for run_at · 2 parked behind a full limit key · 3 the worker asked had no use for its type
    create table jobs (
      seq integer primary key autoincrement,
      id text not null unique,
      type text not null,
      queue text not null default 'default',
      status text not null default 'created',
      priority integer not null default 5,
      run_at integer not null default 0,
      gate integer not null default 0,
      claim integer not null default 0,
      life integer not null default 1,
      attempts integer default 0,
      max_attempts integer default 3,
      crashes integer not null default 0,
      max_crashes integer not null default 5,
      lease_owner text,
      limit_key text,
      unique_key text,
      progress integer default 0,
      parent_job_id text references jobs(id),
      replay_of text,
      user_initiated integer default 1,
      held integer not null default 0,
      timeout_seconds integer default 300,
      created_at integer not null,
      queued_at integer,
      started_at integer,
      completed_at integer,
      timeout_at integer,
      expires_at integer,
      total_seconds integer,
      deadline_at integer,
      cancel_requested_at integer,
      cancel_reason text,
      tags text,
      note text,
      large integer not null default 0,
      payload text not null,
      result text,
      error text
    );

    -- Inputs above 1 KB: an UPDATE rewrites the whole row, so they lie beside it and are written once.
    create table job_payloads (seq integer primary key, payload text not null);

    -- Attempts that the jobs row cannot show: every one that did not complete.
    create table job_attempts (
      job integer not null, claim integer not null, attempt integer not null, life integer not null,
      started_at integer, ended_at integer, worker text, outcome text not null, error text,
      primary key (job, claim)
    ) without rowid;

    create table job_logs (
      job integer not null, claim integer not null, n integer not null,
      at integer not null, level text not null, message text not null, fields text,
      primary key (job, claim, n)
    ) without rowid;

    create table job_tags (tag text not null, job integer not null, primary key (tag, job)) without rowid;

    -- Keys that stay taken for a time, whatever becomes of their job.
    create table job_key_windows (key text primary key, job text not null, until integer not null) without rowid;
    create index job_key_windows_until on job_key_windows(until);

    -- Requests that may come again, and what became of their jobs (InsertOutcome as JSON).
    create table job_requests (
      key text primary key, fingerprint text not null, outcomes text not null, until integer not null
    ) without rowid;
    create index job_requests_until on job_requests(until);

    create table job_queues (
      name text primary key, paused integer not null default 0, paused_reason text, paused_by text, paused_until integer,
      paused_at integer, max_running integer
    ) without rowid;
    create table job_limits (key text primary key, max_running integer not null) without rowid;

    -- One row per worker is the lease of all its jobs.
    create table job_workers (
      owner text primary key, name text not null, host text not null, pid integer not null, pid_start text,
      slots integer not null, queues text, types text not null, started_at integer not null,
      beat integer not null, beat_at integer not null, lease_until integer not null, blocked_ms integer not null default 0
    ) without rowid;

    create table job_counts (
      queue text not null, status text not null, type text not null, n integer not null, primary key (queue, status, type)
    ) without rowid;
    create table job_meta (name text primary key, value integer not null) without rowid;

    -- What happened in each minute (its start), and how many jobs waited and ran in it. wait_times and run_times:
    -- histograms as JSON, see src/job/histogram.ts. In job_depths the queue without a name is all queues together.
    create table job_minutes (
      minute integer not null, queue text not null, type text not null,
      created integer not null, started integer not null, completed integer not null, failed integer not null,
      timeout integer not null, cancelled integer not null, retried integer not null,
      wait_ms integer not null, ran integer not null, run_ms integer not null, wait_times text, run_times text,
      primary key (minute, queue, type)
    ) without rowid;
    create table job_depths (
      minute integer not null, queue text not null, waiting integer not null, running integer not null,
      primary key (minute, queue)
      ) without rowid;

    -- Jobs whose state derives from their children. moves, losses: how many children may still move, or be lost, before anybody
    -- must count them; 0 moves: it is to be looked at in any case.
    create table job_batches (
      job integer primary key, policy text not null, open integer not null,
      timed_out_at integer, moves integer not null default 0, losses integer not null default 0
    );
    -- Beside them, because they may be large, and are read only when a batch ends or is shown.
    create table job_callbacks (
      job integer not null, kind text not null, id text not null, type text not null, body text not null, primary key (job, kind)
    ) without rowid;

    -- Changes for processes that listen; one row per transaction, written only while another process listens.
    create table job_journal (n integer primary key autoincrement, origin text not null, at integer not null, body text not null);
    create table job_listeners (origin text primary key, seen_at integer not null) without rowid;

    -- The claim: one range per queue. No seq column: the rowid is implicit, and naming it would break
    -- (priority, run_at, rowid) > (…) as an index range.
    create index idx_jobs_priority on jobs(queue, priority, run_at) where status = 'queued' and gate = 0;
    create index jobs_delayed on jobs(run_at) where status = 'queued' and gate = 1;
    create index jobs_keyed on jobs(limit_key, gate, queue, priority, run_at) where status = 'queued' and limit_key is not null;
    create index jobs_aside on jobs(type, queue, priority, run_at) where status = 'queued' and gate = 3;
    -- A batch runs without an owner.
    create index jobs_running on jobs(queue, lease_owner) where status = 'running';
    create index jobs_running_key on jobs(limit_key) where status = 'running' and limit_key is not null;
    create index jobs_expiring on jobs(expires_at) where expires_at is not null and status in ('created', 'queued');
    create unique index jobs_unique on jobs(unique_key)
      where unique_key is not null and status in ('created', 'queued', 'running');

    -- Is a child of this batch unfinished? And how many ended in what? Both from the index alone.
    create index jobs_children on jobs(parent_job_id, status) where parent_job_id is not null;

    -- For people, under S1's names: lists newest first (seq is the implicit last column, so nothing is sorted).
    create index idx_jobs_status on jobs(status) where status not in ('queued', 'running');
    create index idx_jobs_type on jobs(type);
    create index idx_jobs_created_at on jobs(created_at);
    create index idx_jobs_user_initiated on jobs(user_initiated) where user_initiated = 0;
    create index idx_jobs_parent_id on jobs(parent_job_id) where parent_job_id is not null;
  `,
};
