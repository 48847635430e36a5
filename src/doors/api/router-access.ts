/** Operations about who may come in and what they did, carried out. */
import { tokenNotFound } from '../../job/errors.ts';
import { everyone } from './access.ts';
import { api } from './base.ts';
import { auditLineView, tokenView } from './views.ts';

export const me = {
  get: api.me.get.handler(async ({ context: { caller } }) => {
    const { id, name, scope, queues, tenants } = caller;
    return { id, name, scope, queues, tenants, signedIn: id !== everyone.id };
  }),
};

export const tokens = {
  list: api.tokens.list.handler(async ({ context: { client } }) => ({
    tokens: (await client.tokens.list()).map(tokenView),
  })),
  create: api.tokens.create.handler(async ({ input, context: { client } }) => {
    const { token, ...info } = await client.tokens.create(input);
    return { ...tokenView(info), token };
  }),
  revoke: api.tokens.revoke.handler(async ({ input: { id }, context: { client } }) => {
    if (!(await client.tokens.revoke(id))) throw tokenNotFound(id);
    return { id, revoked: true as const };
  }),
  rotate: api.tokens.rotate.handler(async ({ input: { id }, context: { client } }) => {
    const { token, ...info } = await client.tokens.rotate(id);
    return { ...tokenView(info), token };
  }),
};

export const audit = {
  list: api.audit.list.handler(async ({ input: { limit, after, ...query } = {}, context: { client } }) => {
    const { lines, next } = await client.audit.list(query, { limit, after });
    return { lines: lines.map(auditLineView), next };
  }),
};
