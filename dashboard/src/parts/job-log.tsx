/** What a job logged, and goes on to log while one looks. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { AttemptView, LogLineView } from '../../../src/client.ts';
import { api } from '../api.ts';
import { copy } from '../clipboard.ts';
import { isOfJob, isWide, paused } from '../live.ts';
import { whenTold } from '../resource.ts';
import { counted, exactClock } from '../time.ts';
import { type Trouble, troubleOf } from '../trouble.ts';
import { Card } from './card.tsx';
import { TroubleView } from './views.tsx';

/** So many lines are kept and drawn; the command line shows all. */
const KEPT = 1000;
const PAGE = 1000;
const LOOK_MS = 2000;

interface JobLogProps {
  readonly id: string;
  readonly running: boolean;
  readonly attempts: readonly AttemptView[];
}

export const JobLog = ({ id, running, attempts }: JobLogProps) => {
  const { lines, cut, trouble, load } = useLog(id, running);
  const follow = useSignal(true);
  const box = useRef<HTMLPreElement>(null);
  const list = lines.value;
  useEffect(() => {
    if (follow.value && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [list, follow.value]);
  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current!;
    follow.value = scrollHeight - scrollTop - clientHeight < 24;
  };
  const numbers = new Map(attempts.map(({ claim, attempt }) => [claim, attempt]));
  const text = () => list.map((line) => lineText(line, numbers)).join('\n');
  const aside = [
    running && follow.value ? 'following' : '',
    counted(list.length, 'line'),
    cut.value ? 'the last ones' : '',
  ];
  return (
    <Card
      title="Log"
      aside={aside.filter(Boolean).join(' · ')}
      actions={
        list.length > 0 && (
          <>
            {running && (
              <button
                type="button"
                class="button small"
                aria-pressed={follow.value}
                onClick={() => (follow.value = !follow.value)}
              >
                Follow
              </button>
            )}
            <button type="button" class="button small" onClick={() => void copy(text(), 'The log')}>
              Copy
            </button>
          </>
        )
      }
    >
      {trouble.value && <TroubleView trouble={trouble.value} what="The log" retry={load} kept={list.length > 0} />}
      {list.length === 0 && !trouble.value && <p class="quiet">It has logged nothing.</p>}
      {list.length > 0 && (
        <pre class="block log" ref={box} tabIndex={0} aria-label="Log" onScroll={onScroll}>
          {list.map((line) => (
            <span key={`${line.claim}:${line.n}`} class={`l-${line.level}`}>
              {lineText(line, numbers)}
              {'\n'}
            </span>
          ))}
        </pre>
      )}
    </Card>
  );
};

const lineText = ({ at, claim, level, message, fields }: LogLineView, numbers: ReadonlyMap<number, number>): string => {
  const attempt = numbers.get(claim) ?? '?';
  return `${exactClock(at)} [${attempt}] ${level.padEnd(5)} ${message}${fields ? ` ${JSON.stringify(fields)}` : ''}`;
};

/** Reads on from the last line that was seen. */
const useLog = (id: string, running: boolean) => {
  const lines = useSignal<readonly LogLineView[]>([]);
  const cut = useSignal(false);
  const trouble = useSignal<Trouble | null>(null);
  const after = useRef<string | null>(null);
  // Two readers at once would each take the same lines.
  const reading = useRef(false);
  const load = async (): Promise<void> => {
    if (reading.current) return;
    reading.current = true;
    try {
      for (;;) {
        const page = await api.jobs.logs({ id, after: after.current ?? undefined, limit: PAGE });
        after.current = page.next;
        if (page.lines.length > 0) {
          const all = [...lines.value, ...page.lines];
          cut.value ||= all.length > KEPT;
          lines.value = all.slice(-KEPT);
        }
        trouble.value = null;
        if (page.lines.length < PAGE) break;
      }
    } catch (error) {
      trouble.value = troubleOf(error);
    }
    reading.current = false;
  };
  useEffect(() => {
    void load();
    return whenTold((frame) => isWide(frame) || isOfJob(frame, id), load);
  }, [id]);
  // Lines are no events: while they may come, somebody must look.
  useEffect(() => {
    if (!running) return;
    const looking = setInterval(() => !document.hidden && !paused.value && void load(), LOOK_MS);
    return () => clearInterval(looking);
  }, [id, running]);
  return { lines, cut, trouble, load };
};
