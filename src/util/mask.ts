/**
 * Hides what an address may hold of secrets: a name and password before the host, and the value of a query parameter whose
 * name speaks of one. Works on broken addresses too, for these are the ones that errors show; a path is no address.
 */
export const maskSecrets = (address: string): string =>
  address
    .replace(/\/\/.*@/s, '//***@')
    .replace(/^(?!sqlite:)([a-z][a-z0-9+.-]+:)(?!\/\/).*@/is, '$1***@')
    .replace(/([?&][^=&]*(?:pass|secret|token|key)[^=&]*=)[^&]*/gi, '$1***');
