/** What the other end sent as an error → the error it was. For clients: knows nothing of the server. */
import { BacklineError } from '../../job/backline-error.ts';
import { isRecord } from '../../job/check.ts';
import type { Problem } from './shapes.ts';

export const isProblem = (value: unknown): value is Problem =>
  isRecord(value) && typeof value['code'] === 'string' && typeof value['detail'] === 'string';

export const errorOf = ({ code, detail, field, found, allowed, next }: Problem, cause?: unknown): BacklineError =>
  new BacklineError(code, { message: detail, field, found, allowed, next }, cause);
