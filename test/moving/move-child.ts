/** Moves, and says after each chunk how far it is. The test kills it. */
import { type MoveProgress, moveStore } from '../../src/store/move.ts';
import { orderOf, report } from '../crash/report.ts';

const { from, to } = orderOf<{ from: string; to: string }>();
const onProgress = ({ phase, rows }: MoveProgress) => report(phase, { rows });
const { outcome } = await moveStore({ from, to, chunk: { rows: 3, bytes: 50_000 }, onProgress }, Date.now());
report('ended', { outcome });
