/** The live feed and the uploads, carried out. Over HTTP, the event stream has a way of its own: src/doors/http/live.ts. */
import { uploadsOff } from '../../job/errors.ts';
import { api } from './base.ts';
import type { Context } from './context.ts';
import type { UploadView } from './contract-live.ts';
import { feedOf } from './feed.ts';
import type { Upload } from './uploads.ts';
import { iso } from './views.ts';

export const events = {
  watch: api.events.watch.handler(
    ({
      input: { lastEventId, ...filter } = {},
      context: { client, source = client, caller, closing },
      signal,
      lastEventId: seen,
    }) => {
      const ends = [signal, closing].filter((one) => one !== undefined);
      return feedOf(source).watch({
        ...{ filter, caller, lastEventId: seen ?? lastEventId },
        signal: ends.length > 0 ? AbortSignal.any(ends) : undefined,
      });
    },
  ),
};

const deskOf = ({ uploads, caller }: Context) => {
  // A file belongs to no tenant, and its job to the folder's queue: who sees only a part sees none of it.
  if (!uploads || caller.queues !== null || caller.tenants !== null) throw uploadsOff();
  return uploads;
};

export const uploadView = ({ startedAt, ...upload }: Upload): UploadView => ({
  ...{ ...upload, status: upload.status && { ...upload.status }, startedAt: iso(startedAt) },
});

export const uploads = {
  list: api.uploads.list.handler(async ({ input: { limit = 100 } = {}, context }) => {
    const desk = deskOf(context);
    return { uploads: (await desk.list(limit)).map(uploadView), maxBytes: desk.maxBytes };
  }),
  get: api.uploads.get.handler(async ({ input: { id }, context }) => uploadView(await deskOf(context).get(id))),
};
