/** Operations about who may come in and what they did: their inputs and answers. */
import * as z from 'zod';
import { operation } from './operation.ts';
import { ROUTES } from './routes.ts';
import * as w from './words.ts';

const scope = w.word('read', 'operate', 'admin');
const reach = {
  queues: z.array(z.string()).readonly().nullable().describe('The queues whose jobs it sees; null for all.'),
  tenants: z.array(z.string()).readonly().nullable().describe('The tenants whose jobs it sees; null for all.'),
};

export const token = z.strictObject({
  id: z.string(),
  name: z.string(),
  scope,
  ...reach,
  createdAt: w.at,
  expiresAt: w.at.nullable(),
  lastUsedAt: w.at.nullable().describe('To the minute.'),
  revokedAt: w.at.nullable(),
});

const newToken = token.extend({ token: z.string().describe('Shown now, and never again.') });
const one = z.strictObject({ id: w.id });
const nothing = z.strictObject({}).optional();

export const auditLine = z.strictObject({
  n: z.int().describe('Grows with every line.'),
  at: w.at,
  actor: z.string(),
  door: z.string(),
  action: z.string(),
  target: z.string().nullable(),
  filter: w.json,
  count: z.int().nullable(),
  detail: w.json,
});

export const me = {
  get: operation(ROUTES.me.get)
    .input(nothing)
    .output(
      z.strictObject({
        ...{ id: z.string(), name: z.string(), scope, ...reach },
        signedIn: z
          .boolean()
          .describe('Whether it is somebody by a token or a session; else by being on this machine.'),
      }),
    ),
};

export const tokens = {
  list: operation(ROUTES.tokens.list)
    .input(nothing)
    .output(z.strictObject({ tokens: z.array(token) })),
  create: operation(ROUTES.tokens.create)
    .input(
      z.strictObject({
        name: w.text(200).describe('Who or what will use it.'),
        scope: scope.optional().describe('Default `read`.'),
        queues: z.array(w.queueName).max(1000).optional(),
        tenants: z.array(w.tenant).max(1000).optional(),
        expiresIn: w.durationOrNever.optional().describe('How long it is valid. Default 90 days.'),
      }),
    )
    .output(newToken),
  revoke: operation(ROUTES.tokens.revoke)
    .input(one)
    .output(z.strictObject({ id: z.string(), revoked: z.literal(true) })),
  rotate: operation(ROUTES.tokens.rotate).input(one).output(newToken),
};

export const audit = {
  list: operation(ROUTES.audit.list)
    .input(
      z
        .strictObject({
          actor: w.text(200),
          door: w.text(20),
          action: w.text(100).describe('An operation, such as `jobs.cancel`.'),
          target: w.text(200).describe('The id of a job, the name of a queue.'),
          since: w.instant,
          until: w.instant,
          limit: w.whole(1, 1000).describe('Lines per page. Default 100.'),
          after: w.text(30).describe('The `next` of the page before.'),
        })
        .partial()
        .optional(),
    )
    .output(z.strictObject({ lines: z.array(auditLine), next: z.string().nullable() })),
};
