/** A token is given once; from then on this browser has a session. Afterwards one is where one wanted to be. */
import { useState } from 'preact/hooks';
import { Button } from '../parts/button.tsx';
import { Page } from '../parts/page.tsx';
import { navigate, path } from '../router.ts';
import { me, signedOut, signIn } from '../session.ts';

export default function SignIn() {
  const [token, setToken] = useState('');
  const [wrong, setWrong] = useState<string | null>(null);
  const submit = async () => {
    setWrong(null);
    try {
      const refused = await signIn(token.trim());
      setWrong(refused);
      // Elsewhere the page that was asked for takes this one's place by itself.
      if (refused === null && path.value === '/sign-in') navigate('/', { replace: true });
    } catch {
      setWrong('The server does not answer. Is it running?');
    }
  };
  const who = me.value;
  return (
    <Page title="Sign in">
      <form
        class="sign-in card"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        {who && !signedOut.value && (
          <p class="note">
            {who.signedIn ? `You are ${who.name} already.` : 'On this machine you need no token.'} With one you are
            somebody else.
          </p>
        )}
        <div class="field">
          <label for="token">Token</label>
          <input
            id="token"
            type="password"
            autocomplete="current-password"
            required
            autofocus
            value={token}
            aria-invalid={wrong !== null}
            aria-describedby={wrong ? 'token-wrong' : undefined}
            onInput={({ currentTarget }) => setToken(currentTarget.value)}
          />
          {wrong && (
            <span class="complaint" id="token-wrong" role="alert">
              {wrong}
            </span>
          )}
        </div>
        <Button primary disabled={token.trim() === ''} onClick={submit}>
          Sign in
        </Button>
        <p class="quiet">
          Whoever runs the service makes tokens on its machine:{' '}
          <code>backline tokens create --name NAME --scope read</code>
        </p>
      </form>
    </Page>
  );
}
