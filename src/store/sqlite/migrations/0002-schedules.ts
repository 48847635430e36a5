import type { Migration } from '../../migrate.ts';
import { sql } from '../driver.ts';

/** Schedules are rows of their own; a job that one of them made names it, and the slot it was made for. */
export const schedules: Migration = {
  version: 2,
  name: 'schedules',
  sql: sql`
    alter table jobs add column schedule_id text;
    alter table jobs add column slot_at integer;

    -- A slot inserts one job. Runs by hand and replays are no slots. Jobs without a schedule pay for none of these.
    create unique index jobs_slot on jobs(schedule_id, slot_at)
      where schedule_id is not null and user_initiated = 0 and replay_of is null;
    -- How many jobs of it are unfinished, and which are the oldest.
    create index jobs_instances on jobs(schedule_id) where schedule_id is not null and status in ('created', 'queued', 'running');
    -- For people: the jobs of a schedule, newest first.
    create index jobs_by_schedule on jobs(schedule_id) where schedule_id is not null;

    -- What the fields mean: src/schedule/record.ts. job, timing (the trigger), missed, build: JSON. done_until: all slots up to
    -- here are done with. wake_at: when the ticker must look at it.
    create table job_schedules (
      id text primary key, type text not null, job text not null, timing text not null, missed text not null, overlap text not null,
      max_instances integer not null, source text not null, build text, version integer not null, registered text,
      paused_at integer, paused_reason text, paused_by text, paused_until integer,
      done_until integer not null, next_slot integer, next_at integer, wake_at integer, zone_data text, problem text,
      fired integer not null, missed_slots integer not null, skipped integer not null, by_hand integer not null,
      last_slot integer, last_job_id text, last_fired_at integer, created_at integer not null, updated_at integer not null
    );
    create index job_schedules_due on job_schedules(wake_at) where wake_at is not null;

    -- seldom: what people and trouble write, which has a bound of its own.
    create table job_schedule_history (
      schedule text not null, n integer not null, at integer not null, kind text not null, seldom integer not null,
      slot_at integer, last_slot_at integer, count integer not null, job_id text, actor text, reason text, changes text,
      primary key (schedule, n)
    ) without rowid;
    create index job_schedules_removed on job_schedule_history(at) where kind = 'removed';
  `,
};
