import type { Command } from 'commander';
import { tokenNotFound } from '../../../job/errors.ts';
import { actorHere } from '../audited.ts';
import type { Run } from '../command.ts';
import { type Cli, withThisDatabase } from '../connect.ts';
import { iso, table, time } from '../print.ts';

export const addTokens = (program: Command, run: Run): void => {
  const tokens = program.command('tokens').description('Who may come in: make tokens, list, end and renew them.');
  tokens
    .command('create')
    .description('Make a token. Its secret is shown once.')
    .requiredOption('--name <text>', 'Who or what will use it.')
    .option('--scope <scope>', 'read (default), operate or admin.')
    .option('--queues <names>', 'The queues whose jobs it sees, parted by commas; all if not given.')
    .option('--tenants <names>', 'The tenants whose jobs it sees, parted by commas; all if not given.')
    .option('--expires <time>', 'How long it is valid, such as 30d; false for ever. 90 days if not given.')
    .action((_, self: Command) => run(self.optsWithGlobals(), create));
  tokens
    .command('ls')
    .description('List tokens, without their secrets.')
    .action((_, self: Command) => run(self.optsWithGlobals(), list));
  tokens
    .command('revoke')
    .argument('<id>')
    .description('End a token, and all sessions that were begun with it, at once.')
    .action((id: string, _, self: Command) => run(self.optsWithGlobals(), (cli) => revoke(cli, id)));
  tokens
    .command('rotate')
    .argument('<id>')
    .description('Give a token a new secret; the old one ends at once.')
    .action((id: string, _, self: Command) => run(self.optsWithGlobals(), (cli) => rotate(cli, id)));
};

const names = (given: unknown): string[] | undefined =>
  typeof given === 'string' ? given.split(',').map((name) => name.trim()) : undefined;

const create = (cli: Cli): Promise<void> => {
  const { name, scope, queues, tenants, expires } = cli.flags;
  const request = {
    name,
    scope,
    queues: names(queues),
    tenants: names(tenants),
    expiresIn: expires === 'false' ? false : expires,
  };
  const given = Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined));
  return withThisDatabase(cli, { create: true }, async (client) => {
    const made = await client.tokens.create(given as never);
    const { token, ...detail } = made;
    await client.audit.record({ actor: actorHere(), door: 'cli', action: 'tokens.create', target: made.id, detail });
    await tell(cli, made);
  });
};

const tell = async ({ out }: Cli, made: { readonly token: string; readonly id: string }): Promise<void> => {
  await out.record('token', made, () => made.token);
  out.talk(
    'It is shown now, and never again. Programs send it as "Authorization: Bearer …"; the command line takes it as BACKLINE_TOKEN.',
  );
};

const list = (cli: Cli): Promise<void> =>
  withThisDatabase(cli, { create: false }, async (client) => {
    const { out } = cli;
    const tokens = await client.tokens.list();
    if (out.json) {
      for (const { createdAt, expiresAt, lastUsedAt, revokedAt, ...token } of tokens) {
        const times = {
          createdAt: iso(createdAt),
          expiresAt: iso(expiresAt),
          lastUsedAt: iso(lastUsedAt),
          revokedAt: iso(revokedAt),
        };
        await out.record('token', { ...token, ...times }, () => '');
      }
      return;
    }
    const rows = tokens.map((token) => ({
      id: token.id,
      name: token.name,
      scope: token.scope,
      queues: token.queues?.join(', ') ?? 'all',
      tenants: token.tenants?.join(', ') ?? 'all',
      'last used': token.lastUsedAt === null ? 'never' : time(token.lastUsedAt),
      state: stateOf(token, client.now()),
    }));
    for (const line of rows.length > 0 ? table(rows, out.width) : []) await out.data(line);
    if (rows.length === 0) out.talk('There are no tokens: only this machine can use the service.');
  });

const stateOf = (
  token: { readonly revokedAt: number | null; readonly expiresAt: number | null },
  now: number,
): string => {
  if (token.revokedAt !== null) return `revoked ${time(token.revokedAt)}`;
  if (token.expiresAt === null) return 'valid for ever';
  return token.expiresAt <= now ? `expired ${time(token.expiresAt)}` : `valid until ${time(token.expiresAt)}`;
};

const revoke = (cli: Cli, id: string): Promise<void> =>
  withThisDatabase(cli, { create: false }, async (client) => {
    if (!(await client.tokens.revoke(id))) throw tokenNotFound(id);
    await client.audit.record({ actor: actorHere(), door: 'cli', action: 'tokens.revoke', target: id });
    await cli.out.record('token-change', { id, outcome: 'revoked' }, () => `${id} revoked`);
  });

const rotate = (cli: Cli, id: string): Promise<void> =>
  withThisDatabase(cli, { create: false }, async (client) => {
    const made = await client.tokens.rotate(id);
    await client.audit.record({ actor: actorHere(), door: 'cli', action: 'tokens.rotate', target: id });
    await tell(cli, made);
  });
