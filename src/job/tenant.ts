/** A unique key is unique within its tenant: so nobody learns from a key which jobs others have, or gets in their way. */

/** What no tenant of anybody begins with: Backline's own, of the changes of many jobs that a bounded client begins. */
export const BUILT_IN_TENANT = 'backline.reach:';

/** Cannot stand in a tenant. */
const BETWEEN = '\u0001';

/** The key as it is stored. */
const storedKey = (tenant: string | null, key: string | null): string | null =>
  tenant === null || key === null ? key : `${tenant}${BETWEEN}${key}`;

/** The key as it was given. */
export const shownKey = (tenant: string | null, stored: string | null): string | null =>
  tenant !== null && stored?.startsWith(`${tenant}${BETWEEN}`) ? stored.slice(tenant.length + 1) : stored;

/** A new job with the tenant it will have, and its key within that. */
export const owned = <J extends { readonly tenant: string | null; readonly key: string | null }>(
  job: J,
  parentTenant: string | null,
): J => {
  const tenant = job.tenant ?? parentTenant;
  return tenant === null ? job : { ...job, tenant, key: storedKey(tenant, job.key) };
};
