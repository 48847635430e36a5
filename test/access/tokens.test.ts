/** Tokens and sessions, as the engine knows them. */
import { testClock } from 'backline/testing';
import { describe, expect, test } from 'vitest';
import { codeOf, refusalOf, startManager } from '../managers.ts';
import { until } from '../wait.ts';
import { storesToTest } from './stores.ts';

const DAY = 86_400_000;
const T0 = Date.UTC(2030, 0, 1);

describe.each(storesToTest())('on %s', (_, url) => {
  const start = async () => {
    const clock = testClock(T0);
    const manager = await startManager({ worker: false, clock }, await url());
    return { manager, clock, tokens: manager.tokens };
  };

  test('a token is shown once, and is nowhere else', async () => {
    const { tokens } = await start();
    const { token, ...info } = await tokens.create({
      name: 'ci',
      scope: 'operate',
      queues: ['a'],
      tenants: ['x', 'y'],
    });
    expect(token).toMatch(/^bl_[0-9a-f]{16}_[\w-]{43}$/);
    expect(info).toMatchObject({
      name: 'ci',
      scope: 'operate',
      queues: ['a'],
      tenants: ['x', 'y'],
      expiresAt: T0 + 90 * DAY,
    });
    const [listed] = await tokens.list();
    expect(listed).toEqual(info);
    expect(JSON.stringify(listed)).not.toContain(token.slice(20));
    expect(await tokens.authenticate(token)).toEqual({ ...info, session: null });
  });

  test('reads alone, for 90 days, if nothing else is said', async () => {
    const { tokens } = await start();
    expect(await tokens.create({ name: 'x' })).toMatchObject({ scope: 'read', queues: null, tenants: null });
    expect(await tokens.create({ name: 'x', expiresIn: false })).toMatchObject({ expiresAt: null });
    expect(await tokens.create({ name: 'x', expiresIn: '1h' })).toMatchObject({ expiresAt: T0 + DAY / 24 });
  });

  test.each([
    [{}, 'name'],
    [{ name: '' }, 'name'],
    [{ name: 'x', scope: 'root' }, 'scope'],
    [{ name: 'x', queues: 'a' }, 'queues'],
    [{ name: 'x', tenants: ['no spaces'] }, 'tenants'],
    [{ name: 'x', expiresIn: 'soon' }, 'expiresIn'],
    [{ name: 'x', admin: true }, 'admin'],
  ])('%j is refused', async (request, field) => {
    const { tokens } = await start();
    expect((await refusalOf(() => tokens.create(request as never))).field).toContain(field);
    expect(await tokens.list()).toEqual([]);
  });

  test('what is forged, cut, swapped, expired or revoked stands for nobody', async () => {
    const { tokens, clock } = await start();
    const [one, two] = [await tokens.create({ name: 'one' }), await tokens.create({ name: 'two', expiresIn: '1h' })];
    const [, id, secret] = one.token.split(/_/);
    const swapped = `bl_${two.id}_${secret}`;
    const flipped = one.token.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
    const forged = [
      swapped,
      flipped,
      `bs_${id}_${secret}`,
      `bl_${id}_`,
      `bl_${id}`,
      '',
      'bl__',
      `bl_${'0'.repeat(16)}_${secret}`,
    ];
    for (const wrong of [
      ...forged,
      one.token.slice(1),
      `${one.token} `,
      one.token.toUpperCase(),
      `bl_' OR 1=1 --_${secret}`,
    ])
      expect(await tokens.authenticate(wrong), wrong).toBeNull();
    expect(await tokens.authenticate(two.token)).not.toBeNull();
    clock.advance(DAY / 24);
    expect(await tokens.authenticate(two.token)).toBeNull();
    expect(await tokens.authenticate(one.token)).not.toBeNull();
    expect(await tokens.any()).toBe(true);
    expect(await tokens.revoke(one.id)).toBe(true);
    expect(await tokens.authenticate(one.token)).toBeNull();
    expect(await tokens.revoke(one.id)).toBe(false);
    expect(await tokens.any()).toBe(false);
  });

  test('a new secret ends the old one', async () => {
    const { tokens } = await start();
    const first = await tokens.create({ name: 'x', scope: 'admin' });
    const second = await tokens.rotate(first.id);
    expect(second).toMatchObject({ id: first.id, scope: 'admin' });
    expect(await tokens.authenticate(first.token)).toBeNull();
    expect(await tokens.authenticate(second.token)).toMatchObject({ id: first.id });
    expect(await codeOf(() => tokens.rotate('unknown'))).toBe('TOKEN_NOT_FOUND');
    await tokens.revoke(first.id);
    expect(await codeOf(() => tokens.rotate(first.id))).toBe('TOKEN_NOT_FOUND');
  });

  test('its last use is known to the minute', async () => {
    const { tokens, clock } = await start();
    const { token } = await tokens.create({ name: 'x' });
    const usedAt = async () => (await tokens.list())[0]!.lastUsedAt;
    await tokens.authenticate(token);
    await until(async () => (await usedAt()) === T0);
    clock.advance(59_000);
    await tokens.authenticate(token);
    expect(await usedAt()).toBe(T0);
    clock.advance(1000);
    await tokens.authenticate(token);
    await until(async () => (await usedAt()) === T0 + 60_000);
  });

  test('a session stands for its token: its scope, its reach, its end', async () => {
    const { tokens, clock } = await start();
    const made = await tokens.create({ name: 'ada', scope: 'operate', tenants: ['x'], expiresIn: '20h' });
    const { cookie, expiresAt } = await tokens.beginSession(made);
    expect(expiresAt).toBe(T0 + DAY / 2);
    expect(cookie).toMatch(/^bs_/);
    expect(await tokens.authenticate(cookie)).toMatchObject({
      id: made.id,
      scope: 'operate',
      tenants: ['x'],
      session: { until: expiresAt },
    });
    expect(await tokens.revoke(cookie.split('_')[1]!)).toBe(false);
    clock.advance(DAY / 2);
    expect(await tokens.authenticate(cookie)).toBeNull();
    const short = await tokens.beginSession(made);
    expect(short.expiresAt).toBe(T0 + (20 / 24) * DAY);
    await tokens.revoke(made.id);
    expect(await tokens.authenticate(short.cookie)).toBeNull();
  });

  test('a session that is renewed has another secret, the same end, and a little overlap', async () => {
    const { tokens, clock } = await start();
    const made = await tokens.create({ name: 'ada' });
    const first = await tokens.beginSession(made);
    clock.advance(DAY / 24);
    const second = await tokens.renewSession((await tokens.authenticate(first.cookie))!);
    expect(second.expiresAt).toBe(first.expiresAt);
    expect(await tokens.authenticate(first.cookie)).not.toBeNull();
    clock.advance(60_000);
    expect(await tokens.authenticate(first.cookie)).toBeNull();
    const known = (await tokens.authenticate(second.cookie))!;
    await tokens.endSession(known.session!.id);
    expect(await tokens.authenticate(second.cookie)).toBeNull();
    expect(await tokens.list()).toHaveLength(1);
  });

  test('the audit keeps what was done, without secrets and in bounds', async () => {
    const { manager, clock } = await start();
    const filter = { payload: { 'auth.token': 'open sesame' }, error: 'Bearer abcdefghijkl' };
    await manager.audit.record({
      actor: 'ada',
      door: 'cli',
      action: 'bulk.cancel',
      filter,
      count: 3,
      detail: { password: 'x' },
    });
    clock.advance(1000);
    await manager.audit.record({ actor: 'a'.repeat(500), door: 'http', action: 'x', detail: 'y'.repeat(9000) });
    const { lines } = await manager.audit.list();
    expect(lines[0]).toMatchObject({ actor: 'a'.repeat(200), at: T0 + 1000, target: null, count: null });
    expect(String(lines[0]!.detail).length).toBeLessThan(4100);
    expect(lines[1]).toMatchObject({
      filter: { payload: { 'auth.token': '***' }, error: 'Bearer ***' },
      detail: { password: '***' },
    });
    expect((await manager.audit.list({ since: new Date(T0 + 1) })).lines).toHaveLength(1);
    const page = await manager.audit.list({}, { limit: 1 });
    expect((await manager.audit.list({}, { limit: 1, after: page.next! })).lines[0]!.actor).toBe('ada');
    expect(await codeOf(() => manager.audit.list({}, { after: 'x' }))).toBe('BAD_CURSOR');
    expect(await codeOf(() => manager.audit.list({ who: 'x' } as never))).toBe('UNKNOWN_OPTION');
  });
});
