/** What runs in the page of the Chromium test: the preload script's part with a stand-in for ipcRenderer, then the page's own part. */
import { exposePort } from '../../src/doors/ipc/preload.ts';
import { connect } from '../../src/doors/ipc/renderer.ts';

interface Wired {
  toMain(message: unknown): Promise<void>;
  fromMain?: (message: string) => void;
  run?: () => Promise<unknown>;
}

const wired = globalThis as unknown as Wired;

exposePort({
  postMessage: (_channel, _message, [port]) => {
    port!.addEventListener('message', ({ data }) => void wired.toMain(data));
    port!.start?.();
    wired.fromMain = (message) => port!.postMessage(message);
    void wired.toMain(null);
  },
});

wired.run = async () => {
  const client = await connect();
  const heard: unknown[] = [];
  const completed = new Promise<unknown>((resolve) => {
    void client.on('job-completed', resolve);
  });
  await client.on('job-status-changed', ({ status }) => heard.push(status));
  const { id } = await client.jobs.enqueue({ type: 'double', payload: 21 });
  const end = await completed;
  const { result } = await client.jobs.result({ id });
  const refusal = await client.jobs.get({ id: 'nobody' }).catch((error: unknown) => error);
  const { name, code } = refusal as { name: string; code: string };
  return { end, heard, result, refusal: { name, code }, leaked: 'ipcRenderer' in globalThis };
};
