/** What the service says of itself: paths and addresses only to whoever may change how it works. */
import { maskSecrets } from '../../util/mask.ts';
import { packageVersion } from '../../util/version.ts';
import { permits, seesAll } from './access.ts';
import { api } from './base.ts';
import { iso } from './views.ts';

export const about = {
  get: api.about.get.handler(async ({ context: { client, caller, uploads, settings } }) => {
    const { where, database, durability, worker, ...rest } = client.about();
    const whole = seesAll(caller);
    const admin = permits(caller, 'admin') && whole;
    // Which queues there are, nobody learns here who is bound.
    const queues = whole ? worker.queues : (worker.queues?.filter((name) => caller.queues?.includes(name)) ?? null);
    return {
      ...{ at: iso(client.now()), version: packageVersion(), node: process.version },
      database: { kind: database, where: admin ? maskSecrets(where) : null, durability },
      ...rest,
      worker: { ...worker, queues },
      uploads: uploads && whole ? { maxBytes: uploads.maxBytes } : null,
      settings: admin ? (settings ?? null) : null,
    };
  }),
};
