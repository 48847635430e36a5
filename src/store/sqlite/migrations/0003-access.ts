import type { Migration } from '../../migrate.ts';
import { sql } from '../driver.ts';

/** Whose a job is, who may come in, and what they changed. */
export const access: Migration = {
  version: 3,
  name: 'access',
  sql: sql`
    alter table jobs add column tenant text;
    -- For people: the jobs of a tenant, newest first. Jobs without one pay nothing for it.
    create index jobs_tenant on jobs(tenant) where tenant is not null;

    -- Who may come in: a token, or a session in a browser that was signed in with one (parent). hash: what must be presented; the
    -- secret itself is nowhere. queues, tenants: JSON lists, null for all.
    create table job_access (
      id text primary key, kind text not null, parent text, name text not null, hash text not null, scope text not null,
      queues text, tenants text, created_at integer not null, expires_at integer, last_used_at integer, revoked_at integer
    ) without rowid;
    create index job_access_parent on job_access(parent) where parent is not null;

    -- Who changed what through which door. filter, detail: JSON.
    create table job_audit (
      n integer primary key autoincrement, at integer not null, actor text not null, door text not null, action text not null,
      target text, filter text, count integer, detail text
    );
    create index job_audit_at on job_audit(at);
  `,
};
