/** What the Node processes run that analyse: tempo and key of one track. It knows nothing of the database. */
import type { Context } from 'backline';
import { decode } from '../audio/decode.ts';
import type { Analyses, AnalyzeInput } from './analyses.ts';
import { keyOf } from './key.ts';
import { tempoOf } from './tempo.ts';

/** Three minutes from the middle: enough to hear, and a two-hour mix needs no more memory than a song. */
const WINDOW = { maxSeconds: 180, targetRate: 22_050 };

const analyze = async ({ path, seconds, types }: AnalyzeInput, ctx: Context): Promise<Analyses> => {
  const sound = await decode(path, { ...WINDOW, seconds, signal: ctx.signal });
  ctx.progress({ done: 1, total: 3, message: 'decoded' });
  const tempo = types.includes('tempo') ? { tempo: tempoOf(sound) } : {};
  ctx.progress({ done: 2, total: 3, message: 'beats followed' });
  const key = types.includes('key') ? { key: keyOf(sound) } : {};
  return { ...tempo, ...key };
};

export default { analyze };
