import { expect, test } from 'vitest';
import { startManager } from '../../../test/managers.ts';
import { job } from '../../job/define.ts';
import { jobRecord, jobRow, jobText } from './job-text.ts';
import type { Output } from './print.ts';

const plain = { paint: (_: string, text: string) => text } as unknown as Output;

test('a batch shows its policy, how its jobs are, and what it calls', async () => {
  const manager = await startManager({ worker: false, jobs: { piece: job({ run: async () => {} }) } });
  const jobs = [{ type: 'piece' }, { type: 'piece' }] as const;
  const onEnd = { type: 'piece' } as const;
  const { id } = await manager.enqueueBatch({ type: 'album', jobs, failurePolicy: { atLeast: 2 }, open: true, onEnd });
  await manager.cancel((await manager.list({ parent: id })).jobs[0]!.id);
  const batch = (await manager.get(id))!;
  const text = jobText(batch, [], plain, Date.now());
  expect(text).toContain(
    'at least 2, open for more jobs: 2 in all, 0 completed, 0 failed, 0 timed out, 1 cancelled, 1 unfinished',
  );
  expect(text).toContain(`on end piece ${batch.batch!.callbacks[0]!.id}`);
  expect(text).toContain('50 %, 1 of 2, 1 cancelled');
  expect(text).not.toContain('attempt');
  expect(jobRow(batch, Date.now())).toMatchObject({ state: '▶ running', attempt: '', what: '1 of 2, 1 cancelled' });
  expect(jobRecord(batch)).toMatchObject({ batch: { policy: { atLeast: 2 }, open: true, total: 2, cancelled: 1 } });
});

test('a plain job shows its attempts, and nothing of batches', async () => {
  const manager = await startManager({ worker: false, jobs: { piece: job({ run: async () => {} }) } });
  const { id } = await manager.enqueue('piece');
  const text = jobText((await manager.get(id))!, [], plain, Date.now());
  expect(text).toContain('attempt      0 of 3');
  expect(text).not.toContain('batch');
});

test('an attempt shows its error, its causes, and what its process wrote last', async () => {
  const manager = await startManager({ worker: false, jobs: { piece: job({ run: async () => {} }) } });
  const { id } = await manager.enqueue('piece');
  const cause = { name: 'Exit', message: 'code 7', output: 'loading model\nno space left\n' };
  const attempt = {
    ...({ claim: 1, attempt: 1, life: 1, startedAt: 0, endedAt: 5, worker: 'w', outcome: 'crashed' } as const),
    error: { name: 'Died', message: 'it died', code: 'DIED', cause },
  } as const;
  const text = jobText((await manager.get(id))!, [attempt], plain, Date.now());
  expect(text.split('\n').slice(-7)).toEqual([
    '  attempt 1  1970-01-01 00:00:00Z  crashed after 5 ms  on w',
    '    Died [DIED]: it died',
    '    because of',
    '      Exit: code 7',
    '      its last words were',
    '        loading model',
    '        no space left',
  ]);
});
