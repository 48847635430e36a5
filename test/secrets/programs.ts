/** Handlers that do with their secrets what handlers should not, run in a thread and in a child. */
import { job } from '../../src/worker.ts';

interface Login {
  readonly token: string;
  readonly auth?: { readonly pin: number };
}

export const jobs = {
  tell: job({
    run: (login: Login, ctx) => {
      ctx.log.info({ headers: { Authorization: login.token }, n: 1 }, `signed in with ${login.token}`);
      ctx.progress({ done: 1, total: 2, message: `with ${login.token}` });
      console.error(`on standard error: ${login.token}`);
      return { used: login.token, length: login.token.length };
    },
  }),
  blurt: job({
    run: (login: Login) => {
      console.error(`on standard error: ${login.token}`);
      throw Object.assign(new Error(`401 for ${login.token}`, { cause: new TypeError(login.token) }), {
        code: login.token,
      });
    },
  }),
};
