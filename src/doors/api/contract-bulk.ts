/** Changes of many jobs: what is asked, and what a preview answers. */
import * as z from 'zod';
import { which } from './contract-jobs.ts';
import { operation } from './operation.ts';
import { ROUTES } from './routes.ts';
import { enqueued } from './shapes.ts';
import * as w from './words.ts';

const plain = (...kinds: ['retry', 'remove', 'runNow', 'pause', 'resume']) => z.strictObject({ kind: z.enum(kinds) });

/** As `BulkAction` of the library, with times as text. */
const action = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('cancel'), reason: w.text(1000).optional() }),
    plain('retry', 'remove', 'runNow', 'pause', 'resume'),
    z.strictObject({ kind: z.literal('reprioritise'), priority: w.priority }),
    z.strictObject({ kind: z.literal('reschedule'), runAt: w.instant }),
    z.strictObject({
      kind: z.literal('replay'),
      perSecond: w.whole(1, 100_000).optional().describe('At most so many new jobs a second.'),
    }),
  ])
  .describe('What is done to each job. `remove` needs the scope admin.');

const done = z.strictObject({ done: z.int().describe('How many jobs.') });
const n = z.int().min(0);

const preview = z.strictObject({
  count: n.describe('How many jobs it would be done to.'),
  byStatus: z.record(z.string(), n).describe('These, by their status.'),
  skipped: z
    .record(z.string(), n)
    .describe('Jobs that would be left alone, by reason. A status: it cannot be done to a job in that state.'),
  oldest: w.at.nullable().describe('When the first of those that are counted was made.'),
  newest: w.at.nullable(),
  snapshotAt: w.at.describe('Pass it to bulk.start, so that nothing is caught that came later.'),
});

export const bulk = {
  cancel: operation(ROUTES.bulk.cancel)
    .input(z.strictObject({ which, reason: w.text(1000).optional() }))
    .output(z.strictObject({ cancelled: z.int(), requested: z.int() })),
  retry: operation(ROUTES.bulk.retry).input(z.strictObject({ which })).output(done),
  remove: operation(ROUTES.bulk.remove).input(z.strictObject({ which })).output(done),
  preview: operation(ROUTES.bulk.preview).input(z.strictObject({ which, action })).output(preview),
  start: operation(ROUTES.bulk.start)
    .input(
      z.strictObject({
        ...{ which, action },
        snapshotAt: w.instant.optional().describe('Of the preview. Default: now.'),
        expected: n.optional().describe('The count of the preview: if it would be another, nothing is begun.'),
      }),
    )
    .output(enqueued),
};
