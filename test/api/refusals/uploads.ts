/** Forms that are no good: names that would leave the folder, parts that are missing, twice or not ours. */
import { form } from './ground.ts';
import { ask, type Row } from './runner.ts';

type Line = readonly [
  says: string,
  form: { body: string; headers: Record<string, string> },
  status: number,
  code: string,
  field?: string,
  query?: string,
];

const NAMES = [
  ...['../../a.csv', '..', '.', '...', '/etc/passwd', 'a/b.csv', '..%2fa.csv/', 'C:\\\\a.csv', '..\\\\..\\\\a.csv'],
  ...['.hidden', '~/.ssh/../x', 'CON.csv', 'nul', 'lpt1.txt', 'a\u0000b.csv', 'a\u001bb.csv', ' a.csv', 'a.csv ', 'a.'],
  ...['a\u202egsv.csv', `${'x'.repeat(300)}.csv`, 'a<b>.csv', 'a|b.csv', 'a?.csv', 'a*.csv', 'a:b'],
];

const field = (name: string, value: string): string =>
  `--XX\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
const bare = (body: string, type = 'multipart/form-data; boundary=XX') => ({ body, headers: { 'content-type': type } });
const FILE = '--XX\r\ncontent-disposition: form-data; name="file"; filename="b.csv"\r\n\r\nb\r\n';

const LINES: readonly Line[] = [
  ...NAMES.map(
    (name): Line => [
      `of the name ${JSON.stringify(name).slice(0, 60)}`,
      ...([form(name, 'x'), 400, 'BAD_UPLOAD', 'filename'] as const),
    ],
  ),
  ['without a file', bare(`${field('a', 'b')}--XX--\r\n`), 400, 'BAD_UPLOAD', 'file'],
  ['without anything', bare('--XX--\r\n'), 400, 'BAD_UPLOAD', 'file'],
  ['of an empty file', form('a.csv', ''), 400, 'BAD_UPLOAD', 'file'],
  ['of two files', form('a.csv', 'x', FILE), 400, 'BAD_REQUEST'],
  ['that is too long', form('a.csv', 'x'.repeat(5000)), 413, 'UPLOAD_TOO_LARGE', 'file'],
  [
    'that names the catalog itself',
    form('a.csv', 'x', field('catalog_path', '/etc/passwd')),
    400,
    'BAD_UPLOAD',
    'field',
  ],
  ['that says when it came', form('a.csv', 'x', field('submitted_at', '0')), 400, 'BAD_UPLOAD', 'field'],
  ['with a field __proto__', form('a.csv', 'x', field('__proto__', '1')), 400, 'BAD_REQUEST'],
  ['with a field of a strange name', form('a.csv', 'x', field('a b', '1')), 400, 'BAD_UPLOAD', 'field'],
  ['with a field twice', form('a.csv', 'x', field('a', '1') + field('a', '2')), 400, 'BAD_UPLOAD', 'a'],
  ['with a field that is too long', form('a.csv', 'x', field('a', 'x'.repeat(20_000))), 400, 'BAD_UPLOAD', 'a'],
  [
    'with a thousand fields',
    form('a.csv', 'x', Array.from({ length: 1000 }, (_, i) => field(`f${i}`, '1')).join('')),
    400,
    'BAD_REQUEST',
  ],
  [
    'with a path that is none',
    form('a.csv', 'x', field('audio_base_path', ' ')),
    400,
    'BAD_JOB_FILE',
    'audio_base_path',
  ],
  ['whose form is cut off', bare(FILE), 400, 'BAD_UPLOAD', 'form'],
  ['whose file is cut off', bare(FILE.slice(0, -3)), 400, 'BAD_UPLOAD', 'form'],
  ['whose headers are cut off', bare(FILE.slice(0, 40)), 400, 'BAD_UPLOAD', 'form'],
  ['of another boundary', bare(`${FILE}--XX--\r\n`, 'multipart/form-data; boundary=YY'), 400, 'BAD_UPLOAD', 'form'],
  ['without a boundary', bare('--XX--\r\n', 'multipart/form-data'), 400, 'BAD_UPLOAD', 'form'],
  ['of another kind of form', bare('--XX--\r\n', 'multipart/mixed; boundary=XX'), 415, 'UNSUPPORTED_MEDIA_TYPE'],
  ['that is text', bare('hello', 'text/plain;charset=UTF-8'), 415, 'UNSUPPORTED_MEDIA_TYPE'],
  ['that is JSON', bare('{}', 'application/json'), 415, 'UNSUPPORTED_MEDIA_TYPE'],
  ['with an id that leaves the folder', form('a.csv', 'x'), 400, 'BAD_UPLOAD', 'id', '?id=../a'],
  ['with an id that is encoded', form('a.csv', 'x'), 400, 'BAD_UPLOAD', 'id', '?id=%2e%2e%2fa'],
  ['with an empty id', form('a.csv', 'x'), 400, 'BAD_UPLOAD', 'id', '?id='],
  ['with two ids', form('a.csv', 'x'), 400, 'BAD_UPLOAD', 'id', '?id=a&id=b'],
  ['with an id that is too long', form('a.csv', 'x'), 400, 'BAD_UPLOAD', 'id', `?id=${'x'.repeat(65)}`],
  ['with an unknown query', form('a.csv', 'x'), 400, 'UNKNOWN_OPTION', 'name', '?name=a'],
  ['whose id is taken', form('a.csv', 'x'), 409, 'UPLOAD_EXISTS', 'id', '?id=taken'],
  ['whose id a job file has', form('a.csv', 'x'), 409, 'UPLOAD_EXISTS', 'id', '?id=dropped'],
];

export const UPLOADS: readonly Row[] = [
  ...LINES.map(
    ([says, { body, headers }, status, code, field, query = '']): Row => ({
      ...{ says: `an upload ${says}`, status, code, ...(field === undefined ? {} : { field }) },
      sends: ask('POST', `/api/uploads${query}`, { body, headers }),
    }),
  ),
  {
    ...{ says: 'an upload of a page elsewhere', status: 403, code: 'ORIGIN_REFUSED' },
    sends: ask('POST', '/api/uploads', {
      body: form('a.csv', 'x').body,
      headers: { ...form('', '').headers, origin: 'http://evil.example.test' },
    }),
  },
];
