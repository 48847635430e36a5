/** The body of a request: JSON, in UTF-8, within a size and a time. */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isRecord } from '../../job/check.ts';
import { badJson, badRequest, bodyTooLarge, bodyTooSlow, unsupportedMediaType } from '../../job/errors.ts';
import { parseStrictJson } from './strict-json.ts';

export interface BodyLimits {
  readonly maxBytes: number;
  /** How long it may take to arrive. */
  readonly timeoutMs: number;
}

/** Every body of this part of the server is read so. @throws BAD_JSON, BAD_REQUEST, BODY_TOO_LARGE, BODY_TOO_SLOW, UNSUPPORTED_MEDIA_TYPE. */
export const readJsonBodies = (server: FastifyInstance, limits: BodyLimits): void => {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(
    /^application\/json\s*(;|$)/i,
    async (request: FastifyRequest, stream: IncomingMessage) => {
      mustBePlain(request);
      return parseObject(await collect(stream, request, limits));
    },
  );
  server.addContentTypeParser('*', async (request: FastifyRequest) => {
    throw unsupportedMediaType(request.headers['content-type'] ?? 'none');
  });
};

const mustBePlain = ({ headers }: FastifyRequest): void => {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity')
    throw unsupportedMediaType(`${headers['content-type']}, ${encoding}`);
  const charset = /charset\s*=\s*"?([^";\s]+)/i.exec(headers['content-type'] ?? '')?.[1];
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) throw unsupportedMediaType(headers['content-type']!);
};

/** Reads until the end. What is too long or too slow is read no further: the connection is closed behind the answer. */
const collect = (
  stream: IncomingMessage,
  { headers }: FastifyRequest,
  { maxBytes, timeoutMs }: BodyLimits,
): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const stop = (error: Error): void => {
      clearTimeout(timer);
      stream.off('data', take).pause();
      reject(error);
    };
    const take = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > maxBytes) stop(bodyTooLarge(maxBytes));
      else chunks.push(chunk);
    };
    const timer = setTimeout(() => stop(bodyTooSlow(timeoutMs)), timeoutMs);
    if (Number(headers['content-length'] ?? 0) > maxBytes) return stop(bodyTooLarge(maxBytes));
    stream.on('data', take);
    const onCut = () => stop(badRequest('ended before its body was complete'));
    stream.once('error', onCut).once('close', onCut);
    stream.once('end', () => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks));
    });
  });

const parseObject = (bytes: Buffer): unknown => {
  if (bytes.length === 0) return {};
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw badJson('it is not UTF-8');
  }
  const value = parseStrictJson(text);
  if (!isRecord(value)) throw badJson(Array.isArray(value) ? 'it is a list' : 'it is not an object');
  return value;
};
