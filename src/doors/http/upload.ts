/** `POST /api/uploads`: a form with one file, which streams to the disk as it comes. The answer says that its job is written, not done. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { BacklineError } from '../../job/backline-error.ts';
import {
  badRequest,
  badUpload,
  doorClosing,
  notPermitted,
  unknownOption,
  unsupportedMediaType,
  uploadsOff,
  uploadTooSlow,
} from '../../job/errors.ts';
import { show } from '../../util/text.ts';
import { type Caller, permits } from '../api/access.ts';
import { uploadView } from '../api/router-live.ts';
import type { Incoming, UploadDesk } from '../api/uploads.ts';
import { mustBeOwnPage } from './origin.ts';
import { sendProblem } from './problems.ts';

export interface UploadDoor {
  readonly callerOf: (request: FastifyRequest) => Caller;
  /** Is told of each that was taken. */
  readonly tell: (caller: Caller, action: string, target: string, detail: unknown) => Promise<void>;
  /** Fires when the server closes: what is under way is cut. */
  readonly closing: AbortSignal;
  /** How long next to nothing may come. */
  readonly idleMs: number;
  readonly onUnexpected: (error: unknown) => void;
}

const MAX_FIELDS = 20;
const MAX_FIELD_BYTES = 16_384;
const FIELD = /^[a-z][a-z0-9_]{0,63}$/;
/** Fields that say something of this machine or of the job, and are not the sender's. */
const OURS: readonly string[] = ['catalog_path', 'submitted_at'];
/** Less than this within the idle time counts as nothing. */
const ALIVE_BYTES = 1024;

export const addUploads = async (server: FastifyInstance, desk: UploadDesk, door: UploadDoor): Promise<void> => {
  const { default: multipart } = await import('@fastify/multipart');
  await server.register(
    async (scope) => {
      scope.removeAllContentTypeParsers();
      await scope.register(multipart, {
        throwFileSizeLimit: false,
        preservePath: true,
        // The size of the file is counted where it is written.
        limits: {
          files: 1,
          fields: MAX_FIELDS,
          fieldSize: MAX_FIELD_BYTES,
          fieldNameSize: 100,
          fileSize: Number.MAX_SAFE_INTEGER,
        },
      });
      scope.addContentTypeParser('*', async ({ headers }: FastifyRequest) => {
        throw unsupportedMediaType(headers['content-type'] ?? 'none', 'multipart/form-data with one file');
      });
      scope.addHook('onRequest', async (request) => mustBeOwnPage(request));
      scope.setErrorHandler((error, _, reply) => {
        // The rest of the body is not read.
        reply.header('connection', 'close');
        return sendProblem(reply, error, door.onUnexpected);
      });
      scope.post('/', async (request, reply) => {
        const caller = door.callerOf(request);
        mustBeAllowed(caller);
        if (!request.isMultipart()) throw unsupportedMediaType('none', 'multipart/form-data with one file');
        const upload = await receive(request, desk, door);
        await door.tell(caller, 'uploads.create', upload.id, { name: upload.name, bytes: upload.bytesReceived });
        return reply.code(201).send(uploadView(upload));
      });
    },
    { prefix: '/api/uploads' },
  );
};

/** What the reader of forms complains about is the form's fault. */
async function* wellFormed<T>(parts: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* parts;
  } catch (error) {
    // Errors with a status of their own say what is wrong in our words or its own.
    if (error instanceof BacklineError || (error as { statusCode?: unknown }).statusCode !== undefined) throw error;
    throw badUpload('form', 'is cut off, or has no boundary', 'multipart/form-data with one file');
  }
}

const mustBeAllowed = (caller: Caller): void => {
  if (!permits(caller, 'operate')) throw notPermitted('uploads.create', 'operate', caller.scope);
  // A file belongs to no tenant, and its job to the folder's queue.
  if (caller.queues !== null || caller.tenants !== null) throw uploadsOff();
};

const receive = async (request: FastifyRequest, desk: UploadDesk, door: UploadDoor) => {
  const id = idOf(request);
  const fields: Record<string, string> = {};
  let incoming: Incoming | null = null;
  const guard = new Guard(request, door);
  try {
    for await (const part of guard.watch(wellFormed(request.parts()))) {
      if (part.type === 'field') {
        addField(fields, part.fieldname, part.value, part.valueTruncated || part.fieldnameTruncated);
        continue;
      }
      if (!part.filename) throw badUpload('filename', 'is missing', 'the name of a file');
      incoming = await desk.begin({ id, name: part.filename, bytesExpected: lengthOf(request) });
      guard.reads(part.file);
      for await (const chunk of wellFormed(part.file)) {
        guard.alive((chunk as Buffer).length);
        await incoming.write(chunk as Buffer);
      }
    }
    if (!incoming) throw badUpload('file', 'is missing', 'a form with one file');
    guard.mustGoOn();
    guard.arrived();
    return await incoming.finish(fields);
  } catch (error) {
    const reason = guard.reasonOf(error);
    await incoming?.cut(reason);
    throw reason;
  } finally {
    guard.end();
  }
};

const addField = (fields: Record<string, string>, name: string, value: unknown, truncated: boolean): void => {
  if (!FIELD.test(name) || OURS.includes(name))
    throw badUpload('field', show(name), `names of small letters, digits and _, but not ${OURS.join(' or ')}`);
  if (Object.hasOwn(fields, name)) throw badUpload(name, 'is there twice', 'each field once');
  if (truncated || typeof value !== 'string')
    throw badUpload(name, 'is too long or no text', `text of at most ${MAX_FIELD_BYTES} bytes`);
  // What a form leaves empty was not said.
  if (value !== '') fields[name] = value;
};

/** The query may name the upload, so that it can be asked after when its answer is lost. */
const idOf = ({ query }: FastifyRequest): string | undefined => {
  const { id, ...others } = query as Record<string, unknown>;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw unknownOption('The query of an upload', unknown, ['id']);
  if (id !== undefined && typeof id !== 'string') throw badUpload('id', 'is there twice', 'one id');
  return id;
};

const lengthOf = ({ headers }: FastifyRequest): number | null => {
  const length = Number(headers['content-length'] ?? Number.NaN);
  return Number.isSafeInteger(length) ? length : null;
};

/** Ends an upload whose sender has fallen silent or gone, or whose server closes, and knows why it ended. */
class Guard {
  readonly #request: FastifyRequest;
  readonly #door: UploadDoor;
  readonly #timer: NodeJS.Timeout;
  #bytes = 0;
  #reason: Error | null = null;
  #fail: (error: Error) => void = () => {};
  #current: { destroy(error: Error): void } | null = null;

  constructor(request: FastifyRequest, door: UploadDoor) {
    this.#request = request;
    this.#door = door;
    this.#timer = setInterval(() => {
      if (this.#bytes < ALIVE_BYTES) this.#stop(uploadTooSlow(door.idleMs));
      this.#bytes = 0;
    }, door.idleMs);
    door.closing.addEventListener('abort', this.#onClosing);
    request.raw.on('close', this.#onClose);
  }

  /** The file that is being read. */
  reads(file: { destroy(error: Error): void }): void {
    this.#current = file;
    // It may have been stopped while its place was made.
    if (this.#reason) file.destroy(this.#reason);
  }

  alive(bytes: number): void {
    this.#bytes += bytes;
  }

  /** The parts of the form, until it must end. */
  async *watch<T>(parts: AsyncIterable<T>): AsyncGenerator<T> {
    const stopped = new Promise<never>((_, reject) => {
      this.#fail = reject;
    });
    stopped.catch(() => {});
    const iterator = parts[Symbol.asyncIterator]();
    for (;;) {
      this.mustGoOn();
      const { done, value } = await Promise.race([iterator.next(), stopped]);
      if (done) return;
      yield value;
    }
  }

  mustGoOn(): void {
    if (this.#reason) throw this.#reason;
  }

  /** All of it is here: how long the disk takes is not the sender's fault. */
  arrived(): void {
    clearInterval(this.#timer);
  }

  /** What is broken when we broke it ourselves is not the reason. */
  reasonOf(error: unknown): unknown {
    return this.#reason ?? error;
  }

  end(): void {
    clearInterval(this.#timer);
    this.#door.closing.removeEventListener('abort', this.#onClosing);
    this.#request.raw.off('close', this.#onClose);
  }

  readonly #onClosing = (): void => this.#stop(doorClosing());

  readonly #onClose = (): void => {
    if (!this.#request.raw.readableEnded) this.#stop(badRequest('ended before its body was complete'));
  };

  #stop(reason: Error): void {
    this.#reason ??= reason;
    this.#fail(this.#reason);
    this.#request.raw.unpipe();
    this.#current?.destroy(this.#reason);
  }
}
