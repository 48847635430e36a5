/** Methods, paths, queries and headers that are no good. */
import { ask, type Row } from './runner.ts';

type Line = readonly [method: string, path: string, status: number, code: string, field?: string];

const PATHS: readonly Line[] = [
  ['GET', '/api', 404, 'NOT_FOUND', 'path'],
  ['GET', '/api/', 404, 'NOT_FOUND', 'path'],
  ['GET', '/api/nothing', 404, 'NOT_FOUND', 'path'],
  ['GET', '/API/jobs', 404, 'NOT_FOUND', 'path'],
  ['GET', '/api/Jobs', 404, 'NOT_FOUND', 'path'],
  ['GET', '/api//jobs', 404, 'NOT_FOUND', 'path'],
  ['GET', '//api/jobs', 404, 'NOT_FOUND', 'path'],
  ['GET', '///', 404, 'NOT_FOUND', 'path'],
  ['GET', '/api/jobs/a/b/c', 404, 'NOT_FOUND', 'path'],
  ['GET', '/api/jobs/waits//attempts', 404, 'NOT_FOUND', 'path'],
  ['GET', '/api/../api/jobs', 404, 'NOT_FOUND', 'path'],
  ['GET', '/../../etc/passwd', 404, 'NOT_FOUND', 'path'],
  ['GET', '/..%2f..%2fetc%2fpasswd', 404, 'NOT_FOUND', 'path'],
  ['GET', '/%2e%2e/%2e%2e/etc/passwd', 404, 'NOT_FOUND', 'path'],
  ['GET', '/..\\..\\win.ini', 404, 'NOT_FOUND', 'path'],
  ['GET', '/.env', 404, 'NOT_FOUND', 'path'],
  ['GET', '/.git/config', 404, 'NOT_FOUND', 'path'],
  ['GET', '/jobs.db', 404, 'NOT_FOUND', 'path'],
  ['GET', '/%00', 404, 'NOT_FOUND', 'path'],
  ['GET', '/style.css%00.html', 404, 'NOT_FOUND', 'path'],
  ['GET', '/%E0%A4%A', 400, 'BAD_REQUEST'],
  ['GET', '/%', 400, 'BAD_REQUEST'],
  ['GET', '/api/%zz', 400, 'BAD_REQUEST'],
  ['GET', '/api/jobs/%FF', 400, 'BAD_REQUEST'],
  ['GET', '/api/jobs/%E0%A4%A', 400, 'BAD_REQUEST'],
  ['GET', '/api/jobs/%C0%AE%C0%AE', 400, 'BAD_REQUEST'],
  ['GET', '/api/jobs/..%2f..%2fetc%2fpasswd', 400, 'INVALID_OPTION', 'id'],
  ['GET', '/api/jobs/..', 404, 'NOT_FOUND', 'path'],
  ['GET', '/api/jobs/.', 404, 'NOT_FOUND', 'path'],
  ['GET', '/api/jobs/waits/../../count', 404, 'NOT_FOUND', 'path'],
  ['GET', '/api/jobs\\..\\count', 404, 'NOT_FOUND', 'path'],
  ['GET', '/api/jobs/%2e%2e', 404, 'NOT_FOUND', 'path'],
  ['POST', '/api/jobs/waits/%2E./waits/cancel', 404, 'NOT_FOUND', 'path'],
  ['GET', '/api/jobs/..%5c..%5cx', 400, 'INVALID_OPTION', 'id'],
  ['GET', '/api/jobs/%252e%252e%252f', 400, 'INVALID_OPTION', 'id'],
  ['GET', '/api/jobs/%00', 400, 'INVALID_OPTION', 'id'],
  ['GET', '/api/jobs/waits%00', 400, 'INVALID_OPTION', 'id'],
  ['GET', '/api/jobs/waits%20', 400, 'INVALID_OPTION', 'id'],
  ['GET', '/api/jobs/waits%0d%0ax-a:%201', 400, 'INVALID_OPTION', 'id'],
  ['GET', '/api/jobs/waits;x=1', 400, 'INVALID_OPTION', 'id'],
  ['GET', '/api/jobs/%3Cscript%3E', 400, 'INVALID_OPTION', 'id'],
  ['GET', "/api/jobs/'%20or%201=1--", 400, 'INVALID_OPTION', 'id'],
  ['GET', `/api/jobs/${'x'.repeat(201)}`, 400, 'INVALID_OPTION', 'id'],
  ['GET', '/api/jobs/__proto__', 404, 'JOB_NOT_FOUND', 'id'],
  ['GET', '/api/jobs/constructor', 404, 'JOB_NOT_FOUND', 'id'],
  ['GET', '/api/jobs/WAITS', 404, 'JOB_NOT_FOUND', 'id'],
  ['GET', '/api/schedules/__proto__', 404, 'SCHEDULE_NOT_FOUND'],
  ['GET', '/api/uploads/__proto__', 400, 'INVALID_OPTION', 'id'],
  ['GET', '/api/uploads/..%2fjobs.db', 400, 'INVALID_OPTION', 'id'],
  ['GET', '/api/uploads/nobody', 404, 'UPLOAD_NOT_FOUND', 'id'],
  ['GET', '/job-queue/jobs/..%2f', 400, 'INVALID_OPTION', 'program_id'],
  ['POST', '/job-queue/jobs/waits/cancel', 400, 'INVALID_OPTION'],
  ['POST', '/job-queue/jobs/99999/cancel', 404, 'JOB_NOT_FOUND'],
  ['POST', '/job-queue/jobs/-1/cancel', 400, 'INVALID_OPTION'],
  ['POST', '/job-queue/jobs/1e3/cancel', 400, 'INVALID_OPTION'],
  ['GET', '/job-queue/jobs/p?limit=0', 400, 'INVALID_OPTION', 'limit'],
  ['GET', '/job-queue/jobs/p?limit=1e9', 400, 'INVALID_OPTION', 'limit'],
  ['GET', '/job-queue/status?x=1', 400, 'UNKNOWN_OPTION', 'x'],
  ['DELETE', '/job-queue/status', 404, 'NOT_FOUND', 'path'],
];

const METHODS: readonly Line[] = [
  ['PATCH', '/api/jobs', 405, 'METHOD_NOT_ALLOWED', 'method'],
  ['DELETE', '/api/jobs', 405, 'METHOD_NOT_ALLOWED', 'method'],
  ['OPTIONS', '/api/jobs', 405, 'METHOD_NOT_ALLOWED', 'method'],
  ['GET', '/api/jobs/waits/cancel', 405, 'METHOD_NOT_ALLOWED', 'method'],
  ['PUT', '/api/jobs/waits', 405, 'METHOD_NOT_ALLOWED', 'method'],
  ['DELETE', '/healthz', 404, 'NOT_FOUND', 'path'],
  ['POST', '/', 404, 'NOT_FOUND', 'path'],
  ['TRACE', '/api/jobs', 404, 'NOT_FOUND', 'path'],
  ['PROPFIND', '/api/jobs', 404, 'NOT_FOUND', 'path'],
  ['LOCK', '/api/jobs/waits', 404, 'NOT_FOUND', 'path'],
  ['BREW', '/api/jobs', 400, 'BAD_REQUEST'],
  ['get', '/api/jobs', 400, 'BAD_REQUEST'],
];

const QUERIES: readonly Line[] = [
  ['GET', '/api/jobs?limit=0', 400, 'INVALID_OPTION', 'limit'],
  ['GET', '/api/jobs?limit=-1', 400, 'INVALID_OPTION', 'limit'],
  ['GET', '/api/jobs?limit=1e1', 400, 'INVALID_OPTION', 'limit'],
  ['GET', '/api/jobs?limit=0x10', 400, 'INVALID_OPTION', 'limit'],
  ['GET', '/api/jobs?limit=007', 400, 'INVALID_OPTION', 'limit'],
  ['GET', '/api/jobs?limit=%201', 400, 'INVALID_OPTION', 'limit'],
  ['GET', '/api/jobs?limit=99999999999999999999', 400, 'INVALID_OPTION', 'limit'],
  ['GET', '/api/jobs?limit=', 400, 'INVALID_OPTION', 'limit'],
  ['GET', '/api/jobs?limit=1&limit=2', 400, 'INVALID_OPTION', 'limit'],
  ['GET', '/api/jobs?limit[gt]=1', 400, 'INVALID_OPTION', 'limit'],
  ['GET', '/api/jobs?__proto__[limit]=1', 400, 'UNKNOWN_OPTION', '__proto__'],
  ['GET', '/api/jobs?__proto__=1', 400, 'UNKNOWN_OPTION', '__proto__'],
  ['GET', '/api/jobs?constructor=1', 400, 'UNKNOWN_OPTION', 'constructor'],
  ['GET', '/api/jobs?constructor[prototype][polluted]=1', 400, 'UNKNOWN_OPTION', 'constructor'],
  ['GET', '/api/jobs?status[0]=failed&status[99999]=failed', 400, 'INVALID_OPTION'],
  ['GET', `/api/jobs?${'status=failed&'.repeat(1001)}`, 400, 'INVALID_OPTION', 'status'],
  ['GET', '/api/jobs?status=', 400, 'INVALID_OPTION', 'status[0]'],
  ['GET', '/api/jobs?status=failed,,queued', 400, 'INVALID_OPTION', 'status[1]'],
  ['GET', '/api/jobs?status=FAILED', 400, 'INVALID_OPTION', 'status[0]'],
  ['GET', '/api/jobs?q=a&q=b', 400, 'INVALID_OPTION', 'q'],
  ['GET', '/api/jobs?q=', 400, 'INVALID_OPTION', 'q'],
  ['GET', '/api/jobs?userInitiated=yes', 400, 'INVALID_OPTION', 'userInitiated'],
  ['GET', '/api/jobs?userInitiated=1', 400, 'INVALID_OPTION', 'userInitiated'],
  ['GET', '/api/jobs?queue=%00', 400, 'INVALID_OPTION', 'queue[0]'],
  ['GET', '/api/jobs?priority=high', 400, 'INVALID_OPTION', 'priority[0]'],
  ['POST', '/api/jobs?type=double', 400, 'UNKNOWN_OPTION', 'type'],
  ['POST', '/api/jobs/waits/cancel?reason=x', 400, 'UNKNOWN_OPTION', 'reason'],
  ['DELETE', '/api/jobs/waits?tree=true', 400, 'UNKNOWN_OPTION', 'tree'],
  ['POST', '/api/jobs/waits/cancel?_method=DELETE', 400, 'UNKNOWN_OPTION', '_method'],
];

const says = (method: string, path: string): string => `${method} ${path.length > 80 ? `${path.slice(0, 80)}…` : path}`;

const ofLine = ([method, path, status, code, field]: Line): Row => ({
  ...{ says: says(method, path), status, code, ...(field === undefined ? {} : { field }), sends: ask(method, path) },
});

type Named = readonly [says: string, headers: Record<string, string>, status: number, code: string, field?: string];

/** On a change that would otherwise be made. */
const HEADERS: readonly Named[] = [
  ['a name of another machine', { host: 'evil.example.test' }, 421, 'HOST_REFUSED'],
  ['a name that ends like ours', { host: 'localhost.evil.example.test' }, 421, 'HOST_REFUSED'],
  ['a name that begins like ours', { host: '127.0.0.1.nip.example' }, 421, 'HOST_REFUSED'],
  ['a name with a user', { host: 'localhost@evil.example.test' }, 421, 'HOST_REFUSED'],
  ['an empty name', { host: '' }, 421, 'HOST_REFUSED'],
  ['a name of many characters', { host: 'x'.repeat(5000) }, 421, 'HOST_REFUSED'],
  ['a name with a path', { host: 'localhost/../../' }, 421, 'HOST_REFUSED'],
  ['another address of this machine', { host: '0.0.0.0' }, 421, 'HOST_REFUSED'],
  ['our address as a number', { host: '2130706433' }, 421, 'HOST_REFUSED'],
  ['the origin of a page elsewhere', { origin: 'http://evil.example.test' }, 403, 'ORIGIN_REFUSED'],
  ['the origin null', { origin: 'null' }, 403, 'ORIGIN_REFUSED'],
  ['an empty origin', { origin: '' }, 403, 'ORIGIN_REFUSED'],
  ['the origin of another port', { origin: 'http://localhost:1' }, 403, 'ORIGIN_REFUSED'],
  ['the origin of a file', { origin: 'file://' }, 403, 'ORIGIN_REFUSED'],
  ['a page of another site', { 'sec-fetch-site': 'cross-site' }, 403, 'ORIGIN_REFUSED'],
  ['a page of a neighbour', { 'sec-fetch-site': 'same-site' }, 403, 'ORIGIN_REFUSED'],
  ['a fetch site of no kind', { 'sec-fetch-site': 'whatever' }, 403, 'ORIGIN_REFUSED'],
];

const KEYS: readonly (readonly [says: string, key: string])[] = [
  ['empty', ''],
  ['with a space', 'with space'],
  ['that is too long', 'k'.repeat(201)],
  ['with a letter beyond ASCII', 'schlüssel'],
  ['with a tabulator', 'a\tb'],
  ['with a byte that is no character', 'a\u0080b'],
];

export const REQUESTS: readonly Row[] = [
  ...[...PATHS, ...METHODS, ...QUERIES].map(ofLine),
  ...HEADERS.map(
    ([says, headers, status, code]): Row => ({
      ...{ says: `a change with ${says}`, status, code },
      sends: ask('POST', '/api/jobs/waits/cancel', { headers }),
    }),
  ),
  ...KEYS.map(
    ([says, key]): Row => ({
      ...{ says: `an Idempotency-Key ${says}`, status: 400, code: 'INVALID_OPTION', field: 'idempotency-key' },
      sends: ask('POST', '/api/jobs', {
        body: '{"type":"double","payload":1}',
        headers: { 'content-type': 'application/json', 'idempotency-key': key },
      }),
    }),
  ),
  {
    ...{ says: 'an Idempotency-Key twice', status: 400, code: 'INVALID_OPTION', field: 'idempotency-key' },
    sends: ask('POST', '/api/jobs', {
      body: '{"type":"double","payload":1}',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'a', 'Idempotency-Key': 'b' },
    }),
  },
];
