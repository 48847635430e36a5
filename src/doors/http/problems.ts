/** Errors → answers of the server: problem details with a code, and no stack. */
import type { FastifyError, FastifyReply } from 'fastify';
import { BacklineError } from '../../job/backline-error.ts';
import { badRequest, unexpected, unsupportedMediaType } from '../../job/errors.ts';
import { problemOf } from '../api/problem.ts';

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/** What the server itself says about a request, in our words; null if it is no fault of the request. */
const requestError = (error: unknown, { request }: FastifyReply): BacklineError | null => {
  if (error instanceof BacklineError) return error;
  const { statusCode, message } = error as Partial<FastifyError>;
  if (statusCode === undefined || statusCode >= 500) return null;
  if (statusCode === 415) return unsupportedMediaType(request.headers['content-type'] ?? 'none');
  const sentence = String(message).replace(/\.$/, '');
  return badRequest(`is refused: ${sentence}`);
};

export const sendProblem = (
  reply: FastifyReply,
  thrown: unknown,
  onUnexpected: (error: unknown) => void,
): FastifyReply => {
  const known = requestError(thrown, reply);
  if (!known) onUnexpected(thrown);
  const problem = problemOf(known ?? unexpected(thrown));
  // What was not read to its end cannot be followed by another request.
  if (problem.status === 408 || problem.status === 413) reply.header('connection', 'close');
  // Also where no hook of ours has seen the request.
  reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  return reply.code(problem.status).type(PROBLEM_TYPE).send(JSON.stringify(problem));
};
