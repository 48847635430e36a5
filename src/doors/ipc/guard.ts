/** Lets only messages through that are some: what the other end sends must not become an error that nobody catches. */
import type { Port } from './channel.ts';

export const guarded = (port: Port): Port => {
  const rest = {
    postMessage: (message: unknown) => port.postMessage(message),
    start: () => port.start?.(),
    close: () => port.close?.(),
  };
  if ('addEventListener' in port)
    return {
      ...rest,
      addEventListener: (type, listener) =>
        port.addEventListener(type, (event) => {
          if (type !== 'message' || isMessage(event.data)) listener(event);
        }),
    };
  return {
    ...rest,
    on: (type, listener) =>
      port.on(type, (event) => {
        if (type !== 'message' || isMessage(event?.data)) listener(event);
      }),
  };
};

const REQUEST_OR_RESPONSE = [undefined, 1, 2];
const OF_A_STREAM = 3;
const ABORT = 4;

/** A message as oRPC writes it: JSON text with an id, a type and a payload. Files do not travel here. */
const isMessage = (data: unknown): boolean => {
  if (typeof data !== 'string') return false;
  let message: unknown;
  try {
    message = JSON.parse(data);
  } catch {
    return false;
  }
  if (!isObject(message) || typeof message['i'] !== 'string') return false;
  const { t: type, p: payload } = message;
  if (type === ABORT) return true;
  if (!isObject(payload)) return false;
  if (type === OF_A_STREAM) return typeof payload['e'] === 'string';
  return REQUEST_OR_RESPONSE.includes(type as number | undefined) && isCall(payload);
};

const isCall = ({ u: path, s: status, m: method, h: headers }: Readonly<Record<string, unknown>>): boolean =>
  (path === undefined || (typeof path === 'string' && path.startsWith('/'))) &&
  (status === undefined || typeof status === 'number') &&
  (method === undefined || typeof method === 'string') &&
  (headers === undefined || (isObject(headers) && isPlain(headers)));

/** A body of another kind than JSON would be read as what it says it is. */
const isPlain = (headers: Readonly<Record<string, unknown>>): boolean =>
  Object.values(headers).every((value) => typeof value === 'string') &&
  headers['content-disposition'] === undefined &&
  (headers['content-type'] === undefined || headers['content-type'] === 'text/event-stream');

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
