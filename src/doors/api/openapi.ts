/** The contract as OpenAPI 3.1, for programs that know nothing of TypeScript. */
import type { OpenAPI } from '@orpc/contract';
import { OpenAPIGenerator } from '@orpc/openapi';
import { ZodToJsonSchemaConverter } from '@orpc/zod/zod4';
import { packageVersion } from '../../util/version.ts';
import { contract } from './contract.ts';
import { upload } from './contract-live.ts';
import { examples } from './examples.ts';
import { allRoutes } from './routes.ts';
import { schedule } from './schedule-shapes.ts';
import { attempt, job, logLine, problem, queue, worker } from './shapes.ts';

export type Description = OpenAPI.Document;

const TAGS: Readonly<Record<string, string>> = {
  jobs: 'One piece of work: hand it in, follow it, change its fate.',
  batches: 'Jobs that belong together and end together.',
  bulk: 'One change of every job of a filter.',
  queues: 'Named lanes, with a pause switch and a limit.',
  schedules: 'What starts jobs by itself: at times, at intervals, once.',
  limits: 'Limits that jobs of many queues share.',
  workers: 'The processes that do the work.',
  figures: 'How the system is.',
  live: 'What happens, as it happens.',
  uploads: 'Files that become jobs.',
  access: 'Who may come in, and what they changed.',
};

/** What everybody who calls the API must know. */
const ABOUT = `Background jobs over HTTP. Bodies are JSON objects; times are ISO 8601 with an offset or Z, answered in UTC; lengths of time are
milliseconds. A field that does not exist is refused. Every error is a problem document (RFC 9457) with a \`code\` that never changes.
A request that makes something may carry an \`Idempotency-Key\`: sent again within a day, it gives the same answer and makes nothing new.`;

export const describeApi = async (): Promise<Description> => {
  const generator = new OpenAPIGenerator({ schemaConverters: [new ZodToJsonSchemaConverter()] });
  const output = { strategy: 'output' } as const;
  const description = await generator.generate(contract, {
    info: {
      title: 'Backline',
      version: packageVersion(),
      description: ABOUT,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/api', description: 'This service.' }],
    tags: Object.entries(TAGS).map(([name, says]) => ({ name, description: says })),
    commonSchemas: {
      Job: { schema: job, ...output },
      Attempt: { schema: attempt, ...output },
      LogLine: { schema: logLine, ...output },
      Queue: { schema: queue, ...output },
      Schedule: { schema: schedule, ...output },
      Worker: { schema: worker, ...output },
      Upload: { schema: upload, ...output },
      Problem: { schema: problem, ...output },
    },
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'Not needed on the machine of the service itself, unless it says so.',
        },
      },
      responses: { Problem: problemResponse },
      parameters: { IdempotencyKey: idempotencyKey },
    },
    security: [{ token: [] }, {}],
  });
  description.paths!['/uploads']!.post = uploadOperation;
  for (const [name, { method, path, creates, scope }] of allRoutes()) {
    const operation = description.paths?.[path]?.[method.toLowerCase() as 'get'];
    if (operation) complete(operation, name, scope, creates === true);
  }
  return description;
};

/** A form with a file is no operation that other wires could carry: the contract does not have it. */
const uploadOperation: NonNullable<NonNullable<NonNullable<Description['paths']>[string]>['post']> = {
  operationId: 'uploads.create',
  summary: 'Send a file that becomes a job.',
  description:
    'The file is stored, and its job file written, when the answer comes; nothing is worked on yet. Other fields of the form go into the job file. Needs the scope `operate`.',
  tags: ['uploads'],
  parameters: [
    {
      ...{ name: 'id', in: 'query', description: 'To ask after it while it is under way; a new one if not given.' },
      schema: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9-]{0,63}$' },
    },
  ],
  requestBody: {
    required: true,
    content: {
      'multipart/form-data': {
        schema: {
          ...{ type: 'object', required: ['file'], additionalProperties: { type: 'string' } },
          properties: { file: { type: 'string', format: 'binary' } },
        },
      },
    },
  },
  responses: {
    201: { description: 'OK', content: { 'application/json': { schema: { $ref: '#/components/schemas/Upload' } } } },
    '4XX': { $ref: '#/components/responses/Problem' },
    '5XX': { $ref: '#/components/responses/Problem' },
  },
};

const problemResponse: OpenAPI.ResponseObject = {
  description: 'It was not done; the problem says why, and what to do.',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};

const idempotencyKey: OpenAPI.ParameterObject = {
  name: 'Idempotency-Key',
  in: 'header',
  description: 'A text of your own, new for every request and the same when that request is sent again.',
  schema: { type: 'string', minLength: 1, maxLength: 200 },
};

/** What is the same for all operations, or cannot be read from their shapes. */
const complete = (operation: OpenAPI.OperationObject, name: string, scope: string, creates: boolean): void => {
  const ref = { $ref: '#/components/responses/Problem' };
  operation.responses = { ...operation.responses, '4XX': ref, '5XX': ref };
  operation.description = [operation.description, `Needs the scope \`${scope}\`.`].filter(Boolean).join(' ');
  if (creates)
    operation.parameters = [...(operation.parameters ?? []), { $ref: '#/components/parameters/IdempotencyKey' }];
  const body = operation.requestBody as OpenAPI.RequestBodyObject | undefined;
  const media = body?.content['application/json'];
  const example = examples[name];
  if (media && example !== undefined) media.example = example;
};
