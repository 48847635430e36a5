import type { Migration } from '../../migrate.ts';
import { sql } from '../driver.ts';

/** Schedules are rows of their own; a job that one of them made names it, and the slot it was made for. */
export const schedules: Migration = {
  version: 2,
  name: 'schedules',
  sql: sql`
    alter table backline.job_body add column schedule_id text collate "C", add column slot_at bigint;

    -- What the fields mean: src/schedule/record.ts. job, timing (the trigger), missed, build: JSON. done_until: all slots up to
    -- here are done with. wake_at: when the ticker must look at it.
    create table backline.job_schedules (
      id text collate "C" primary key, type text collate "C" not null, job text not null, timing text not null, missed text not null,
      overlap text not null, max_instances integer not null, source text not null, build text, version integer not null, registered text,
      paused_at bigint, paused_reason text, paused_by text, paused_until bigint,
      done_until bigint not null, next_slot bigint, next_at bigint, wake_at bigint, zone_data text, problem text,
      fired bigint not null, missed_slots bigint not null, skipped bigint not null, by_hand bigint not null,
      last_slot bigint, last_job_id text, last_fired_at bigint, created_at bigint not null, updated_at bigint not null,
      -- Below this seq all its jobs have ended.
      open_from bigint not null default 0
    ) with (fillfactor = 70);
    create index job_schedules_due on backline.job_schedules(wake_at) where wake_at is not null;

    create index jobs_by_schedule on backline.job_body(schedule_id, seq) where schedule_id is not null;
    -- A slot has one job, whatever becomes of it; runs by hand and replays are none of its.
    create unique index jobs_slot on backline.job_body(schedule_id, slot_at)
      where schedule_id is not null and not user_initiated and replay_of is null;

    -- seldom: what people and trouble write, which has a bound of its own.
    create table backline.job_schedule_history (
      schedule text collate "C" not null, n bigint not null, at bigint not null, kind text not null, seldom integer not null,
      slot_at bigint, last_slot_at bigint, count bigint not null, job_id text, actor text, reason text, changes text,
      primary key (schedule, n)
    );
    create index job_schedules_removed on backline.job_schedule_history(at) where kind = 'removed';

    create or replace view backline.jobs as
    select b.seq, b.id, b.type, b.queue,
      case when d.seq is not null then d.status when r.seq is not null or o.seq is not null then 'running'
        when b.held then 'created' else 'queued' end as status,
      b.priority, b.run_at, b.payload, coalesce(d.progress, r.progress, o.progress, b.progress) as progress,
      coalesce(r.note, o.note) as note, d.result,
      case when d.seq is not null then d.error when o.seq is null then b.error end as error,
      coalesce(d.attempts, r.attempts, b.attempts) as attempts, b.max_attempts,
      coalesce(d.crashes, r.crashes, b.crashes) as crashes, b.max_crashes, b.life,
      coalesce(d.claim, r.claim, b.claim) as claim, b.parent_job_id, b.replay_of, b.user_initiated, b.tags, b.unique_key, b.limit_key,
      b.timeout_ms / 1000.0 as timeout_seconds, b.timeout_ms, b.held, coalesce(r.owner, d.lease_owner, b.lease_owner) as lease_owner,
      b.created_at, b.queued_at, coalesce(r.started_at, o.started_at, d.started_at, b.started_at) as started_at, d.completed_at,
      case when d.seq is not null then d.timeout_at else r.timeout_at end as timeout_at, b.expires_at, b.total_ms,
      coalesce(r.deadline_at, o.deadline_at, d.deadline_at, b.deadline_at) as deadline_at,
      coalesce(r.cancel_requested_at, o.cancel_requested_at, d.cancel_requested_at) as cancel_requested_at,
      b.policy, coalesce(o.open, false) as open, d.status as ended, r.seq is not null or o.seq is not null as runs,
      b.schedule_id, b.slot_at
    from backline.job_body b
    left join backline.job_running r on r.seq = b.seq
    left join backline.job_batches o on o.seq = b.seq
    left join backline.job_done d on d.seq = b.seq;
  `,
};
