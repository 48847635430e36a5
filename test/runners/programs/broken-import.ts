/** Cannot be imported. */
const missing: string = './does-not-exist.ts';
await import(missing);

export default () => 'never';
