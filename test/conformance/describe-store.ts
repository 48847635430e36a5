/**
 * The conformance suite of the store: every database must pass the same cases, races included. A file per database opens it:
 * see sqlite-file.test.ts.
 */
import { describe, test } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import type { Caller, Opened, StoreOpener } from './opened.ts';
import { accessCases } from './store/access.ts';
import { batchCases } from './store/batches.ts';
import { bulkCases } from './store/bulk.ts';
import { cancelCases } from './store/cancel.ts';
import { changeCases } from './store/change.ts';
import { claimCases } from './store/claim.ts';
import { commitCases } from './store/commit.ts';
import { failureCases } from './store/failures.ts';
import { historyCases } from './store/history.ts';
import { insertCases } from './store/insert.ts';
import { keyCases } from './store/keys.ts';
import { limitCases } from './store/limits.ts';
import { listCases } from './store/list.ts';
import { metricsCases } from './store/metrics.ts';
import { orphanCases } from './store/orphans.ts';
import { peopleCases } from './store/people.ts';
import { pruneCases } from './store/prune.ts';
import { requestCases } from './store/requests.ts';
import { scheduleCases } from './store/schedules.ts';
import { searchCases } from './store/search.ts';
import { standingCases } from './store/standing.ts';
import { tenantCases } from './store/tenants.ts';
import { transactionCases } from './store/transaction.ts';
import { upkeepCases } from './store/upkeep.ts';
import { watchCases } from './store/watch.ts';

/** How a group of verbs defines its cases; each runs on a fresh database. */
export interface Subject {
  test(name: string, run: (store: Store, opened: Opened) => Promise<void>): void;
  /** Two connections to one database. */
  testTwo(name: string, run: (first: Store, second: Store) => Promise<void>): void;
  /** The application's own connection beside the store's. */
  testCaller(name: string, run: (store: Store, caller: Caller) => Promise<void>): void;
  /** A copy of the database, opened again. */
  testCopy(name: string, run: (store: Store, copy: NonNullable<Opened['copy']>) => Promise<void>): void;
}

export const describeStore = (name: string, opener: StoreOpener): void => {
  const subject = subjectOf(opener);
  describe(`store: ${name}`, () => {
    for (const [group, define] of Object.entries(GROUPS)) {
      const reason = group === 'schedules' ? opener.without?.schedules : undefined;
      if (reason === undefined) describe(group, () => define(subject));
      else test.skip(`${group} (skipped: ${reason})`);
    }
  });
};

const GROUPS: Readonly<Record<string, (subject: Subject) => void>> = {
  insert: insertCases,
  'unique keys': keyCases,
  'requests that come again': requestCases,
  claim: claimCases,
  limits: limitCases,
  changes: changeCases,
  history: historyCases,
  orphans: orphanCases,
  cancel: cancelCases,
  batches: batchCases,
  people: peopleCases,
  bulk: bulkCases,
  list: listCases,
  failures: failureCases,
  'search by payload': searchCases,
  standing: standingCases,
  tenants: tenantCases,
  'prune, remove, expire': pruneCases,
  access: accessCases,
  metrics: metricsCases,
  schedules: scheduleCases,
  watch: watchCases,
  'group commit': commitCases,
  transaction: transactionCases,
  upkeep: upkeepCases,
};

const subjectOf = (opener: StoreOpener): Subject => {
  const onFresh = (run: (opened: Opened) => Promise<void>) => async () => {
    const opened = await opener.open();
    try {
      await run(opened);
    } finally {
      await opened.dispose();
    }
  };
  const needs = (
    capability: 'openSecond' | 'openCaller' | 'copy',
    name: string,
    run: (opened: Opened) => Promise<void>,
  ) => {
    const reason = opener.without?.[capability];
    if (reason === undefined) test(name, onFresh(run));
    else test.skip(`${name} (skipped: ${reason})`);
  };
  return {
    test: (name, run) =>
      test(
        name,
        onFresh((opened) => run(opened.store, opened)),
      ),
    testTwo: (name, run) =>
      needs('openSecond', name, async (opened) => {
        const second = await opened.openSecond!();
        try {
          await run(opened.store, second);
        } finally {
          await second.close();
        }
      }),
    testCaller: (name, run) =>
      needs('openCaller', name, async (opened) => {
        const caller = await opened.openCaller!();
        try {
          await run(opened.store, caller);
        } finally {
          await caller.close();
        }
      }),
    testCopy: (name, run) => needs('copy', name, (opened) => run(opened.store, opened.copy!)),
  };
};
