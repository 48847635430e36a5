/**
 * The library's own tables, in the same file as the jobs, so that what a job found and the end of the job commit together: a
 * process that is killed in between leaves both or neither.
 */
import { randomUUID } from 'node:crypto';
import Database from 'better-sqlite3';
import type { Analyses, AnalysisType } from './analysis/analyses.ts';
import type { FoundFile } from './walk.ts';

/** What the tags of a file say; null for what they do not. */
export interface TrackTags {
  readonly title: string;
  readonly artist: string | null;
  readonly album: string | null;
  readonly genre: string | null;
  readonly year: number | null;
  readonly seconds: number | null;
}

export interface Track extends TrackTags {
  readonly id: string;
  readonly path: string;
  readonly size: number;
  /** Epoch milliseconds. */
  readonly modifiedAt: number;
  readonly addedAt: number;
  /** Since when its file is gone; null while it is there. */
  readonly missingSince: number | null;
}

/** A track with what was found out about it. */
export interface AnalysedTrack extends Track {
  readonly bpm: number | null;
  /** Seconds from the start of the file. */
  readonly firstBeat: number | null;
  readonly key: string | null;
  readonly peakDb: number | null;
  readonly rmsDb: number | null;
}

export interface ExportRow {
  readonly path: string;
  readonly format: string;
  readonly tracks: number;
  readonly jobId: string;
  readonly writtenAt: number;
}

const TABLES = `
CREATE TABLE IF NOT EXISTS tracks (
  id            TEXT PRIMARY KEY,
  path          TEXT NOT NULL UNIQUE,
  size          INTEGER NOT NULL,
  modified_at   INTEGER NOT NULL,
  title         TEXT NOT NULL,
  artist        TEXT,
  album         TEXT,
  genre         TEXT,
  year          INTEGER,
  seconds       REAL,
  added_at      INTEGER NOT NULL,
  seen_by       TEXT NOT NULL,
  missing_since INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS tracks_file_idx ON tracks (size, modified_at);
CREATE TABLE IF NOT EXISTS analyses (
  track_id    TEXT NOT NULL REFERENCES tracks (id) ON DELETE CASCADE,
  type        TEXT NOT NULL,
  size        INTEGER NOT NULL,
  modified_at INTEGER NOT NULL,
  value       TEXT NOT NULL,
  job_id      TEXT NOT NULL,
  stored_at   INTEGER NOT NULL,
  PRIMARY KEY (track_id, type)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS exports (
  path       TEXT PRIMARY KEY,
  format     TEXT NOT NULL,
  tracks     INTEGER NOT NULL,
  job_id     TEXT NOT NULL,
  written_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;

const TRACK = `id, path, size, modified_at AS modifiedAt, title, artist, album, genre, year, seconds, added_at AS addedAt,
  missing_since AS missingSince`;

/** An analysis counts only for the version of the file that it heard. */
const CURRENT = 'a.track_id = t.id AND a.size = t.size AND a.modified_at = t.modified_at';

const found = (type: AnalysisType, path: string): string =>
  `(SELECT a.value ->> '${path}' FROM analyses a WHERE ${CURRENT} AND a.type = '${type}')`;

const ANALYSED = `SELECT ${TRACK}, ${found('tempo', 'bpm')} AS bpm, ${found('tempo', 'firstBeat')} AS firstBeat,
  ${found('key', 'key')} AS key, ${found('loudness', 'peakDb')} AS peakDb, ${found('loudness', 'rmsDb')} AS rmsDb FROM tracks t`;

export class Library {
  /** A connection of its own to the file; hand it to `ctx.complete` and `enqueue` inside `transaction`. */
  readonly db: Database.Database;
  readonly #statements = new Map<string, Database.Statement<unknown[]>>();

  /** @param file the database of the jobs; it must exist. */
  constructor(file: string) {
    this.db = new Database(file, { fileMustExist: true, timeout: 30_000 });
    // The job's end and the data are one transaction: if a power cut takes it, the job runs again.
    this.db.pragma('synchronous = NORMAL');
    this.db.pragma('foreign_keys = ON');
    this.db.exec(TABLES);
  }

  close(): void {
    this.db.close();
  }

  /** All of it or nothing. `work` must not wait for anything: the connection is shared. */
  transaction<T>(work: () => T): T {
    return this.db.transaction(work).immediate();
  }

  track(id: string): Track | null {
    return (this.#get(`SELECT ${TRACK} FROM tracks WHERE id = ?`, id) as Track | undefined) ?? null;
  }

  trackAt(path: string): Track | null {
    return (this.#get(`SELECT ${TRACK} FROM tracks WHERE path = ?`, path) as Track | undefined) ?? null;
  }

  /** Tracks whose file is there, by artist and title. */
  tracks(): AnalysedTrack[] {
    const order = 'WHERE missing_since IS NULL ORDER BY artist, title, path';
    return this.#all(`${ANALYSED} ${order}`) as AnalysedTrack[];
  }

  /** In the order of the ids; ids that are not known are left out. */
  tracksOf(ids: readonly string[]): AnalysedTrack[] {
    return ids.flatMap((id) => (this.#get(`${ANALYSED} WHERE id = ?`, id) as AnalysedTrack | undefined) ?? []);
  }

  /** Tracks that are there and lack an analysis of their file as it is now. */
  tracksWithout(type: AnalysisType): string[] {
    const without = `NOT EXISTS (SELECT 1 FROM analyses a WHERE ${CURRENT} AND a.type = ?)`;
    const sql = `SELECT id FROM tracks t WHERE missing_since IS NULL AND ${without} ORDER BY artist, title, path`;
    return (this.#all(sql, type) as { id: string }[]).map(({ id }) => id);
  }

  /** Tracks of a file of this size and time: the same file, if it was moved. */
  twinsOf({ path, size, modifiedAt }: FoundFile): Track[] {
    const sql = `SELECT ${TRACK} FROM tracks WHERE size = ? AND modified_at = ? AND path <> ?`;
    return this.#all(sql, size, modifiedAt, path) as Track[];
  }

  /** A scan came by: files that are as they were. */
  markSeen(scanId: string, paths: readonly string[]): void {
    this.transaction(() => {
      for (const path of paths)
        this.#run('UPDATE tracks SET seen_by = ?, missing_since = NULL WHERE path = ?', scanId, path);
    });
  }

  /** Tracks that a scan did not come by. */
  *notSeenBy(scanId: string): Generator<{ readonly id: string; readonly path: string }> {
    const page =
      'SELECT id, path FROM tracks WHERE seen_by <> ? AND missing_since IS NULL AND path > ? ORDER BY path LIMIT 500';
    for (let last = '', rows: { id: string; path: string }[] = []; ; last = rows.at(-1)!.path) {
      rows = this.#all(page, scanId, last) as { id: string; path: string }[];
      yield* rows;
      if (rows.length < 500) return;
    }
  }

  markMissing(id: string, now: number): void {
    this.#run('UPDATE tracks SET missing_since = ? WHERE id = ? AND missing_since IS NULL', now, id);
  }

  *missingBefore(time: number): Generator<{ readonly id: string; readonly path: string }> {
    yield* this.#all('SELECT id, path FROM tracks WHERE missing_since <= ?', time) as { id: string; path: string }[];
  }

  remove(id: string): void {
    this.#run('DELETE FROM tracks WHERE id = ?', id);
  }

  /** A new or changed file, or one that was moved from another path. @param from the track it was, if it is known. */
  putTrack(
    file: FoundFile,
    tags: TrackTags,
    { scanId, from, now }: { scanId: string; from: string | null; now: number },
  ): string {
    const { title, artist, album, genre, year, seconds } = tags;
    const values = [file.path, file.size, file.modifiedAt, title, artist, album, genre, year, seconds, scanId];
    if (from !== null) {
      const set =
        'path = ?, size = ?, modified_at = ?, title = ?, artist = ?, album = ?, genre = ?, year = ?, seconds = ?, seen_by = ?';
      this.#run(`UPDATE tracks SET ${set}, missing_since = NULL WHERE id = ?`, ...values, from);
      return from;
    }
    const id = randomUUID();
    this.#run(
      'INSERT INTO tracks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)',
      id,
      ...values.slice(0, 9),
      now,
      scanId,
    );
    return id;
  }

  /** One row per track and type, whoever comes twice. @param heard the version of the file that was analysed. */
  putAnalyses(
    heard: { readonly trackId: string; readonly size: number; readonly modifiedAt: number },
    analyses: Analyses,
    { jobId, now }: { readonly jobId: string; readonly now: number },
  ): void {
    // The track may have been removed from the library meanwhile.
    const sql = `INSERT INTO analyses SELECT id, ?, ?, ?, ?, ?, ? FROM tracks WHERE id = ?
      ON CONFLICT DO UPDATE SET size = excluded.size, modified_at = excluded.modified_at, value = excluded.value,
      job_id = excluded.job_id, stored_at = excluded.stored_at`;
    for (const [type, value] of Object.entries(analyses))
      this.#run(sql, type, heard.size, heard.modifiedAt, JSON.stringify(value), jobId, now, heard.trackId);
  }

  putExport({ path, format, tracks, jobId, writtenAt }: ExportRow): void {
    this.#run('INSERT OR REPLACE INTO exports VALUES (?, ?, ?, ?, ?)', path, format, tracks, jobId, writtenAt);
  }

  exports(): ExportRow[] {
    const columns = 'path, format, tracks, job_id AS jobId, written_at AS writtenAt';
    return this.#all(`SELECT ${columns} FROM exports ORDER BY path`) as ExportRow[];
  }

  counts(): { readonly tracks: number; readonly analyses: number; readonly missing: number } {
    return this.#get(
      `SELECT (SELECT count(*) FROM tracks) AS tracks, (SELECT count(*) FROM analyses) AS analyses,
        (SELECT count(*) FROM tracks WHERE missing_since IS NOT NULL) AS missing`,
    ) as { tracks: number; analyses: number; missing: number };
  }

  #statement(sql: string): Database.Statement<unknown[]> {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #get(sql: string, ...params: unknown[]): unknown {
    return this.#statement(sql).get(...params);
  }

  #all(sql: string, ...params: unknown[]): unknown[] {
    return this.#statement(sql).all(...params);
  }

  #run(sql: string, ...params: unknown[]): void {
    this.#statement(sql).run(...params);
  }
}
