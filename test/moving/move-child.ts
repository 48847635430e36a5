/** Moves, and says after each chunk how far it is. The test kills it. */
import { moveStore } from '../../src/store/move.ts';
import { orderOf, report } from '../crash/report.ts';

const { from, to } = orderOf<{ from: string; to: string }>();
const { outcome } = await moveStore({
  from,
  to,
  chunk: { rows: 3, bytes: 50_000 },
  onProgress: ({ phase, rows }) => report(phase, { rows }),
});
report('ended', { outcome });
