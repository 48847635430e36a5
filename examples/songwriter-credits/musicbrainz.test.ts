import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { MusicBrainz, type MusicBrainzOptions } from './musicbrainz.ts';

const never = new AbortController().signal;

/** A server that speaks the service's JSON, for one recording with one work. */
let server: ReturnType<typeof createServer>;
let url: string;
let requests: { path: string; at: number; agent: string | undefined }[];
let answer: (path: string, response: ServerResponse) => void;

beforeEach(async () => {
  requests = [];
  answer = (path, response) => response.end(JSON.stringify(knownTo(path)));
  server = createServer((request: IncomingMessage, response) => {
    const path = decodeURIComponent(request.url ?? '');
    requests.push({ path, at: performance.now(), agent: request.headers['user-agent'] });
    answer(path, response);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ws/2/`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
});

const RECORDING = {
  id: 'rec-1',
  score: 100,
  title: 'Come Home (live)',
  'artist-credit': [{ name: 'The Nobodies', artist: { id: 'a', name: 'The Nobodies' } }],
};
const WRITERS = [
  { type: 'composer', 'target-type': 'artist', artist: { id: '1', name: 'Ada Lovelace' } },
  { type: 'lyricist', 'target-type': 'artist', artist: { id: '2', name: 'Grace Hopper' } },
  { type: 'writer', 'target-type': 'artist', artist: { id: '1', name: 'Ada Lovelace' } },
  { type: 'publishing', 'target-type': 'artist', artist: { id: '3', name: 'A Publisher' } },
];

const knownTo = (path: string): unknown => {
  if (path.includes('/recording?query='))
    return { count: 1, recordings: path.includes('Nobodies') || path.includes('isrc:') ? [RECORDING] : [] };
  if (path.includes('/recording/rec-1?'))
    return { id: 'rec-1', relations: [{ type: 'performance', work: { id: 'work-1', title: 'Come Home' } }] };
  if (path.includes('/work/work-1?')) return { id: 'work-1', relations: WRITERS };
  return {};
};

const client = (options: Partial<MusicBrainzOptions> = {}) =>
  new MusicBrainz({ url, perSecond: 1000, timeoutMs: 2000, ...options });
const wanted = { title: 'Come Home', artist: 'The Nobodies' };
const found = { kind: 'found', songwriters: ['Ada Lovelace', 'Grace Hopper'], evidence: 'MusicBrainz recording rec-1' };

describe('a question', () => {
  test('goes from recording to work to writers', async () => {
    expect(await client({ contact: 'ada@example.test' }).find(wanted, never)).toEqual(found);
    expect(requests.map(({ path }) => path)).toEqual([
      '/ws/2/recording?query=recording:"Come Home" AND artist:"The Nobodies"&limit=5&fmt=json',
      '/ws/2/recording/rec-1?inc=work-rels+work-level-rels+artist-rels&fmt=json',
      '/ws/2/work/work-1?inc=artist-rels&fmt=json',
    ]);
    expect(requests[0]?.agent).toContain('ada@example.test');
  });

  test('takes the writers that come with the recording, and asks no third time', async () => {
    answer = (path, response) =>
      response.end(
        JSON.stringify(
          path.includes('/recording/rec-1?')
            ? { relations: [{ work: { id: 'work-1', relations: WRITERS } }] }
            : knownTo(path),
        ),
      );
    expect(await client().find(wanted, never)).toEqual(found);
    expect(requests).toHaveLength(2);
  });

  test('is asked by ISRC or recording where one is known', async () => {
    await client().find({ ...wanted, isrc: 'GBAYA6500001' }, never);
    expect(requests[0]?.path).toContain('query=isrc:GBAYA6500001');
    await client().find({ ...wanted, recordingId: 'rec-1' }, never);
    expect(requests[3]?.path).toContain('/recording/rec-1?');
  });

  test('is asked once for the same song', async () => {
    const one = client();
    await one.find(wanted, never);
    await one.find({ title: 'COME HOME', artist: 'Nobodies' }, never);
    expect(requests).toHaveLength(3);
  });

  test('about another song or artist has no answer, whatever its score', async () => {
    expect(await client().find({ ...wanted, title: 'Come Home Again' }, never)).toEqual({ kind: 'none' });
    answer = (_, response) => response.end(JSON.stringify({ recordings: [{ ...RECORDING, score: 40 }] }));
    expect(await client().find(wanted, never)).toEqual({ kind: 'none' });
    answer = (_, response) =>
      response.end(JSON.stringify({ recordings: [{ ...RECORDING, 'artist-credit': [{ name: 'Others' }] }] }));
    expect(await client().find(wanted, never)).toEqual({ kind: 'none' });
  });

  test('cannot break out of its quotes', async () => {
    await client().find({ title: 'a" OR artist:"x', artist: 'b\\' }, never);
    expect(requests[0]?.path).toContain('recording:"a\\" OR artist:\\"x" AND artist:"b\\\\"');
  });

  test.each([
    ['an unknown thing', 404, '{}'],
    ['a question it does not understand', 400, '{}'],
  ])('with %s has no answer, and that is no failure', async (_, status, body) => {
    answer = (_, response) => response.writeHead(status).end(body);
    expect(await client().find(wanted, never)).toEqual({ kind: 'none' });
    expect(requests).toHaveLength(1);
  });

  test.each([
    '[]',
    'null',
    '{"recordings": "many"}',
    '{"recordings": [null, 3, {"id": 1}]}',
    '{"recordings": [{"id": "x", "title": "Come Home"}]}',
  ])('that is answered with %s finds nothing and breaks nothing', async (body) => {
    answer = (_, response) => response.end(body);
    expect(['none', 'failed']).toContain((await client({ failures: 100 }).find(wanted, never)).kind);
  });
});

describe('a service in trouble', () => {
  test('is asked again after a failure', async () => {
    let broken = 2;
    answer = (path, response) =>
      broken-- > 0 ? response.writeHead(503).end() : response.end(JSON.stringify(knownTo(path)));
    expect(await client().find(wanted, never)).toEqual(found);
  });

  test('that does not answer in time has failed', async () => {
    answer = () => {};
    expect(await client({ timeoutMs: 30 }).find(wanted, never)).toEqual({ kind: 'failed' });
    expect(requests).toHaveLength(3);
  });

  test('that is not there has failed', async () => {
    expect(await client({ url: 'http://127.0.0.1:1/ws/2' }).find(wanted, never)).toEqual({ kind: 'failed' });
  });

  test('is left alone after some failures, and asked again later', async () => {
    answer = (_, response) => response.writeHead(500).end('<html>');
    const one = client({ failures: 4, pauseMs: 2000 });
    const kinds: string[] = [];
    for (let i = 0; i < 6; i++) kinds.push((await one.find({ ...wanted, title: `song ${i}` }, never)).kind);
    expect(kinds).toEqual(['failed', 'skipped', 'skipped', 'skipped', 'skipped', 'skipped']);
    expect(requests).toHaveLength(4);
    answer = (path, response) => response.end(JSON.stringify(knownTo(path)));
    await vi.waitFor(async () => expect(await one.find(wanted, never)).toEqual(found), { timeout: 20_000 });
  });

  test('that asks for patience gets it', async () => {
    let busy = true;
    answer = (path, response) => {
      if (busy) response.writeHead(503, { 'retry-after': '1' }).end();
      else response.end(JSON.stringify(knownTo(path)));
      busy = false;
    };
    expect(await client().find(wanted, never)).toEqual(found);
    expect(requests[1]!.at - requests[0]!.at).toBeGreaterThan(950);
  });

  test('is never asked faster than agreed, however many ask', async () => {
    const one = client({ perSecond: 20 });
    await Promise.all(
      [1, 2, 3].map((n) => one.find({ ...wanted, title: `Come Home ${n}`, recordingId: 'rec-1' }, never)),
    );
    const gaps = requests.slice(1).map(({ at }, i) => at - requests[i]!.at);
    expect(requests).toHaveLength(6);
    // A request leaves when its turn comes, and arrives a little later or sooner than the one before did.
    expect(Math.min(...gaps)).toBeGreaterThan(30);
    expect(requests[5]!.at - requests[0]!.at).toBeGreaterThan(240);
  });

  test('is not waited for once the job must stop', async () => {
    answer = () => {};
    const stop = new AbortController();
    const asked = client().find(wanted, stop.signal);
    await vi.waitFor(() => expect(requests).toHaveLength(1));
    const reason = new RangeError('stopping');
    stop.abort(reason);
    await expect(asked).rejects.toBe(reason);
    await expect(client({ perSecond: 0.001 }).find(wanted, stop.signal)).rejects.toBe(reason);
  });
});
