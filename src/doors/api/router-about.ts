/** What the service says of itself: paths and addresses only to whoever may change how it works. */
import { maskSecrets } from '../../util/mask.ts';
import { packageVersion } from '../../util/version.ts';
import { permits, seesAll } from './access.ts';
import { api } from './base.ts';
import { iso } from './views.ts';

export const about = {
  get: api.about.get.handler(async ({ context: { client, caller, uploads, settings } }) => {
    const { where, database, durability, ...rest } = client.about();
    const admin = permits(caller, 'admin') && seesAll(caller);
    return {
      ...{ at: iso(client.now()), version: packageVersion(), node: process.version },
      database: { kind: database, where: admin ? maskSecrets(where) : null, durability },
      ...rest,
      uploads: uploads ? { maxBytes: uploads.maxBytes } : null,
      settings: admin ? (settings ?? null) : null,
    };
  }),
};
