/** What a caller says about which jobs are meant → the filter of the client. */
import type * as z from 'zod';
import { BacklineError } from '../../job/backline-error.ts';
import { invalidOption } from '../../job/errors.ts';
import type { JobFilter } from '../../job/filter.ts';
import { parseWhere } from '../../job/where.ts';
import type { filter, which } from './contract-jobs.ts';

/** `q` and the fields beside it must both hold; what one says the other must not say again. @throws BAD_WHERE, INVALID_OPTION. */
export const filterOf = ({ q, ...fields }: z.infer<typeof filter>, now: number): JobFilter => {
  const typed = q === undefined ? {} : parseQuery(q, now);
  const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  const twice = Object.keys(given).find((name) => Object.hasOwn(typed, name));
  if (twice) throw invalidOption(twice, given[twice], 'to be said once, in q or beside it');
  return { ...typed, ...given };
};

/** Of changes: all jobs only if that was said. An empty filter is refused by the client. */
export const whichOf = ({ all, ...given }: z.infer<typeof which>, now: number) => {
  const filter = filterOf(given, now);
  if (all !== true) return filter;
  if (Object.keys(filter).length > 0)
    throw invalidOption('which.all', all, 'nothing beside it, or a filter without it');
  return { all } as const;
};

const parseQuery = (q: string, now: number): JobFilter => {
  try {
    return parseWhere(q, now);
  } catch (error) {
    throw error instanceof BacklineError ? error.about('q') : error;
  }
};
