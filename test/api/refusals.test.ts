/** Bad input of every kind, sent to a service over real sockets: refused in our words, and nothing changes, leaks or stops. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../wait.ts';
import { BODIES } from './refusals/bodies.ts';
import { openGround, type PlainGround } from './refusals/ground.ts';
import { INPUTS } from './refusals/inputs.ts';
import { REQUESTS } from './refusals/requests.ts';
import { ask, mustBeAsBefore, refuses } from './refusals/runner.ts';
import { SOCKETS } from './refusals/sockets.ts';
import { FRAMES, handshake, PLACES, STREAMS } from './refusals/streams.ts';
import { UPLOADS } from './refusals/uploads.ts';

const TABLES = {
  'a body': BODIES,
  'a request': REQUESTS,
  'the input of an operation': INPUTS,
  'a connection': SOCKETS,
  'an upload': UPLOADS,
  'a live stream': STREAMS,
};

for (const [about, rows] of Object.entries(TABLES)) refuses(about, openGround, rows);

describe('an open stream', () => {
  let ground: PlainGround;
  let before: unknown;

  beforeAll(async () => {
    ground = await openGround();
    before = await ground.state();
  });

  afterAll(() => ground.close());

  const opened = async (bytes: Buffer) => {
    const socket = connect(ground.port, '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.on('data', (data: Buffer) => chunks.push(data)).on('error', () => {});
    socket.write(bytes);
    const heard = () => Buffer.concat(chunks);
    await until(() => heard().includes('\r\n\r\n'));
    const behind = heard().indexOf('\r\n\r\n') + 4;
    return { socket, head: heard().toString('latin1', 0, behind), heard: () => heard().subarray(behind) };
  };

  test.each(FRAMES)('a WebSocket is closed with a code after %s', async (_, frame, code) => {
    const { socket, head, heard } = await opened(handshake(ground));
    expect(head).toMatch(/^HTTP\/1\.1 101 /);
    const closed = once(socket, 'close');
    socket.write(frame);
    await until(() => heard().length >= 4);
    expect([heard()[0], heard().readUInt16BE(2)]).toEqual([0x88, code]);
    // Whoever does not answer is cut off all the same.
    await closed;
    await until(() => ground.readers() === 0);
  });

  test.each(PLACES)('with the last event %j says once that something may be missing', async (id) => {
    const { socket, head, heard } = await opened(
      ask('GET', '/api/events', { headers: { 'last-event-id': id } })(ground),
    );
    expect(head).toMatch(/^HTTP\/1\.1 200 /);
    await until(() => heard().includes('"kind":"gap"'));
    expect(heard().toString()).toMatch(/"reason":"other-process","action":"refetch"/);
    socket.destroy();
    await until(() => ground.readers() === 0);
  });

  test('and nothing of it changed anything, or stopped the service', () => mustBeAsBefore(ground, before));
});

test('there are far more than 150 kinds of bad input, each said once', () => {
  const rows = Object.values(TABLES).flat();
  const all = [...rows.map(({ says }) => says), ...FRAMES.map(([says]) => says), ...PLACES];
  expect(all.length).toBeGreaterThanOrEqual(400);
  for (const table of Object.values(TABLES)) expect(table.length).toBeGreaterThan(30);
  // By what was sent, so that no row stands there twice under two names.
  const ground = { port: 0, headers: {} } as PlainGround;
  const sent = rows.map(({ sends }) => String(sends(ground)));
  expect(sent.filter((one, i) => sent.indexOf(one) !== i)).toEqual([]);
});
