/**
 * Moves everything from one database to another. It may be killed at any moment, and goes on when it is started again.
 *
 * 1. Both sides are looked at: who is alive, what is there, whether this move has begun before.
 * 2. Both are marked under one random id, and from then on refuse every other write. So what is read is one moment of the source,
 *    however often the move is begun anew; and no worker runs a job that has not arrived, or that has gone.
 * 3. Chunk after chunk is read, and written in one transaction with the position after it.
 * 4. Every record is read back and compared.
 * 5. The source is marked as moved; then the target is opened.
 */
import { createHash } from 'node:crypto';
import { v4 } from 'uuid';
import {
  moveConflict,
  moveDiffers,
  moveFinished,
  storeDamaged,
  storeMoved,
  targetNotEmpty,
  usage,
  workersAlive,
} from '../job/errors.ts';
import { maskSecrets } from '../util/mask.ts';
import { Comparison, type Counted } from './compare.ts';
import { openSide } from './open.ts';
import { type ChunkSize, JOBS, keyOf, type Mark, type Position, refusalOf, type Side, TABLES } from './side.ts';

export interface MoveOrder {
  readonly from: string;
  readonly to: string;
  /** Only look. */
  readonly dryRun?: boolean;
  /** Stops it between two chunks. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: MoveProgress) => void;
  readonly chunk?: ChunkSize;
}

export interface MoveProgress {
  readonly phase: 'writing' | 'comparing';
  readonly rows: number;
  readonly total: number;
}

export interface MoveReport {
  /** `planned`: a dry run; `already`: it was finished before. */
  readonly outcome: 'moved' | 'planned' | 'already' | 'interrupted';
  /** Addresses without secrets. */
  readonly from: string;
  readonly to: string;
  /** It had begun before. */
  readonly resumed: boolean;
  readonly jobs: number;
  /** Rows of all tables: how many there are, and how many are written. */
  readonly rows: number;
  readonly written: number;
  /** Of jobs, by status, queue and type, as counted on both sides. */
  readonly counts: readonly Counted[];
  /** Over every field of every row, by table; the same on both sides, or the move has failed. */
  readonly checksums: Readonly<
    Record<string, { readonly rows: number; readonly source: string; readonly target: string }>
  >;
}

/** How often a position may be another than the one that was left. */
const TRIES = 4;

const CHUNK: ChunkSize = { rows: 1000, bytes: 4 * 2 ** 20 };

/**
 * @param now when it begins, by the clock of this machine.
 * @throws USAGE for one database twice; NO_DATABASE, WORKERS_ALIVE, TARGET_NOT_EMPTY, STORE_MOVED, MOVE_UNFINISHED, MOVE_CONFLICT,
 *   STORE_DAMAGED, MOVE_DIFFERS, and whatever opening the two throws.
 */
export const moveStore = async (order: MoveOrder, now: number): Promise<MoveReport> => {
  const source = await openSide(order.from, false);
  try {
    const mark = await source.mark();
    if (mark?.role === 'target') throw refusalOf(source.where, mark);
    mustBeQuiet(source, await source.workers(now));
    const target = await openTarget(order, mark);
    try {
      return await new Move(source, target, order, now).run(mark);
    } finally {
      await target?.close();
    }
  } finally {
    await source.close();
  }
};

const mustBeQuiet = ({ where }: Side, alive: string | null): void => {
  if (alive !== null) throw workersAlive(where, alive);
};

/** @returns null for one that a dry run will not make. */
const openTarget = async ({ to, dryRun = false }: MoveOrder, mark: Mark | null): Promise<Side | null> => {
  try {
    return await openSide(to, !dryRun && mark?.state !== 'moved');
  } catch (error) {
    if (dryRun && (error as { code?: unknown }).code === 'NO_DATABASE') return null;
    throw error;
  }
};

type Done = Pick<MoveReport, 'outcome' | 'written'>;

class Move {
  readonly #source: Side;
  readonly #target: Side | null;
  readonly #order: MoveOrder;
  readonly #now: number;
  #total = 0;

  constructor(source: Side, target: Side | null, order: MoveOrder, now: number) {
    this.#source = source;
    this.#target = target;
    this.#order = order;
    this.#now = now;
  }

  async run(mark: Mark | null): Promise<MoveReport> {
    const [source, target] = [this.#source, this.#target];
    const there = (await target?.mark()) ?? null;
    await this.#mustBePossible(mark, there);
    const facts = { from: source.where, to: target?.where ?? maskSecrets(this.#order.to), resumed: there !== null };
    const report = { ...facts, ...(await this.#sizes()), counts: [], checksums: {} };
    if (mark?.state === 'moved' && !there) return { ...report, outcome: 'already', written: report.rows };
    const begun = there?.position.rows ?? 0;
    if (this.#order.dryRun || !target) return { ...report, outcome: 'planned', written: begun };
    return { ...report, ...(await this.#go(target, mark, there)) };
  }

  async #go(target: Side, mark: Mark | null, there: Mark | null): Promise<Partial<MoveReport> & Done> {
    const id = mark?.id ?? v4();
    if (!there) await this.#begin(target, id, mark);
    // From now on it does not change any more.
    const sizes = await this.#sizes();
    this.#total = sizes.rows;
    const { rows: written, done } = await this.#write(target, id, (await target.mark())!.position);
    const compared = done ? await this.#compare(target, id) : null;
    if (!compared) return { ...sizes, outcome: 'interrupted', written };
    await this.#source.moved();
    await target.release();
    return { ...sizes, ...compared, outcome: 'moved', written };
  }

  async #sizes(): Promise<{ jobs: number; rows: number }> {
    const sizes = await Promise.all(TABLES.map((table) => this.#source.size(table)));
    return { jobs: sizes[TABLES.indexOf(JOBS)]!, rows: sizes.reduce((sum, n) => sum + n, 0) };
  }

  /** What stands in the way, or is another move. @throws what `moveStore` throws. */
  async #mustBePossible(mark: Mark | null, there: Mark | null): Promise<void> {
    const [source, target] = [this.#source, this.#target];
    if (target && (await source.identity()) === (await target.identity()))
      throw usage(`--from and --to name the same database: ${source.where}.`, 'Name another one with --to.');
    if (there && there.id !== mark?.id) throw refusalOf(target!.where, there);
    if (mark && !there && mark.peer !== (target?.where ?? mark.peer))
      throw storeMoved(source.where, mark.peer, mark.state);
    // What has arrived may be at work already.
    if (target && (there || mark?.state !== 'moved')) mustBeQuiet(target, await target.workers(this.#now));
    if (mark) return;
    const { ok, problems } = await source.check();
    if (!ok) throw storeDamaged(source.where, problems[0]!);
    const contents = await target?.contents();
    if (contents) throw targetNotEmpty(target!.where, contents);
  }

  /** The source first: from then on nothing can be added to it that would not arrive. */
  async #begin(target: Side, id: string, mark: Mark | null): Promise<void> {
    const [source, at] = [this.#source, this.#now];
    if (!mark) await source.begin({ id, role: 'source', peer: target.where, at });
    try {
      await target.begin({ id, role: 'target', peer: source.where, at });
    } catch (error) {
      // Nothing has been written: as if nobody had asked.
      if (!mark && (await target.mark().catch(() => ({ id })))?.id !== id) await source.release();
      throw error;
    }
  }

  /** A server that broke down may have lost the last chunks, together with the positions after them: it goes on from where that one stands. */
  async #write(target: Side, id: string, from: Position): Promise<{ rows: number; done: boolean }> {
    let position = from;
    for (let tries = 1; ; tries++) {
      try {
        return await this.#writeFrom(target, id, position);
      } catch (error) {
        const mark = (error as { code?: unknown }).code === 'MOVE_CONFLICT' ? await target.mark() : null;
        if (mark?.id !== id || tries === TRIES) throw error;
        position = mark.position;
      }
    }
  }

  /** While a chunk is on its way, the next one is read. */
  async #writeFrom(target: Side, id: string, from: Position): Promise<{ rows: number; done: boolean }> {
    let position = from;
    const first = TABLES.findIndex(({ name }) => name === position.table);
    for (const table of TABLES.slice(first)) {
      const after = position.table === table.name ? position.after : null;
      let rows = await this.#source.read(table, after, this.#size);
      while (rows.length > 0) {
        if (this.#order.signal?.aborted) return { rows: position.rows, done: false };
        const last = keyOf(table, rows.at(-1)!);
        const next = { table: table.name, after: last, rows: position.rows + rows.length };
        const writing = target.write(id, table, rows, position, next);
        [rows] = await Promise.all([this.#source.read(table, last, this.#size), writing]);
        position = next;
        this.#order.onProgress?.({ phase: 'writing', rows: position.rows, total: this.#total });
      }
    }
    await target.settle(id, await this.#source.numbers());
    return { rows: position.rows, done: true };
  }

  /** @returns null if it was interrupted. @throws MOVE_DIFFERS. */
  async #compare(target: Side, id: string): Promise<Pick<MoveReport, 'counts' | 'checksums'> | null> {
    const comparison = new Comparison(() => createHash('sha256'));
    let seen = 0;
    for (const table of TABLES) {
      let after: ReturnType<typeof keyOf> | null = null;
      for (;;) {
        if (this.#order.signal?.aborted) return null;
        const rows = await this.#source.read(table, after, this.#size);
        const found =
          rows.length > 0
            ? await target.range(table, after, keyOf(table, rows.at(-1)!))
            : await target.read(table, after, this.#size);
        comparison.add(table, rows, found);
        if (rows.length === 0) break;
        after = keyOf(table, rows.at(-1)!);
        seen += rows.length;
        this.#order.onProgress?.({ phase: 'comparing', rows: seen, total: this.#total });
      }
    }
    const { problems } = await target.check();
    const differences = [...comparison.differences, ...problems];
    if (differences.length > 0) throw moveDiffers(target.where, differences.join('; '));
    if ((await target.mark())?.id !== id) throw moveConflict(target.where, 'its mark is gone');
    return comparison.result();
  }

  get #size(): ChunkSize {
    return this.#order.chunk ?? CHUNK;
  }
}

export interface UnmarkOrder {
  /** A source, to be used again. */
  readonly from?: string;
  /** An unfinished target, to be emptied. */
  readonly to?: string;
  /** Also a source whose jobs have arrived, so that what waits in it runs a second time. */
  readonly force?: boolean;
}

export interface Unmarked {
  readonly where: string;
  /** `not-marked`: there was nothing to do. */
  readonly outcome: 'released' | 'emptied' | 'not-marked';
}

/** Gives a move up: what an unfinished one has written is deleted, and the source is as it was. @throws MOVE_FINISHED, NO_DATABASE, USAGE. */
export const unmarkStores = async ({ from, to, force = false }: UnmarkOrder): Promise<Unmarked[]> => {
  const unmarked: Unmarked[] = [];
  // The copy goes before the source may change again.
  if (to !== undefined) unmarked.push(await unmark(to, 'target', force));
  if (from !== undefined) unmarked.push(await unmark(from, 'source', force));
  return unmarked;
};

const unmark = async (url: string, role: Mark['role'], force: boolean): Promise<Unmarked> => {
  const side = await openSide(url, false);
  try {
    const { where } = side;
    const mark = await side.mark();
    if (!mark) return { where, outcome: 'not-marked' };
    if (mark.role !== role)
      throw usage(
        `${where} is the ${mark.role} of a move.`,
        `Name it with --${mark.role === 'source' ? 'from' : 'to'}.`,
      );
    if (mark.state === 'moved' && !force) throw moveFinished(where, mark.peer);
    if (role === 'target') await side.empty();
    await side.release();
    return { where, outcome: role === 'target' ? 'emptied' : 'released' };
  } finally {
    await side.close();
  }
};
