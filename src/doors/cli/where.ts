/** `--where`, `--all` and ids: which jobs a command means. */
import { usage } from '../../job/errors.ts';
import type { JobFilter } from '../../job/filter.ts';
import { parseWhere } from '../../job/where.ts';
import type { Flags } from './connect.ts';

export const WHERE_FLAG = '--where <filter>';
export const WHERE_SAYS =
  'Which jobs: status: type: queue: priority: id: tag: parent: schedule: tenant: since: until: error: fingerprint: batch: user: payload.path: and values, such as \'status:failed queue:emails since:1h error:"SMTP 421"\'.';

/** The filter of `--where`, or null without one. @throws BAD_WHERE. */
export const whereOf = (flags: Flags): JobFilter | null =>
  typeof flags.where === 'string' ? parseWhere(flags.where, Date.now()) : null;

/** What a command that changes jobs was given: ids, a filter, or all of them; exactly one of these. */
export type Chosen = { readonly ids: readonly string[] } | { readonly filter: JobFilter };

/** @throws USAGE, BAD_WHERE. */
export const chosen = (ids: readonly string[], flags: Flags): Chosen => {
  const filter = whereOf(flags);
  const given = [ids.length > 0, filter !== null, flags.all === true].filter(Boolean).length;
  if (given !== 1)
    throw usage(
      given === 0 ? 'It was not said which jobs are meant.' : 'Ids, --where and --all exclude each other.',
      "Name ids, or --where 'status:failed', or --all.",
    );
  if (ids.length > 0) return { ids: [...new Set(ids)] };
  if (filter !== null && Object.keys(filter).length === 0)
    throw usage('The filter of --where is empty.', "Write what is meant, such as 'status:failed', or use --all.");
  return { filter: filter ?? {} };
};
