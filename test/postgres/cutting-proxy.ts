/** Stands between a client and PostgreSQL, and cuts the line at the worst moment: after a COMMIT went out, before its answer comes. */
import { connect, createServer, type Socket } from 'node:net';

export interface CuttingProxy {
  readonly port: number;
  /** The next COMMIT reaches the server, and its answer reaches nobody. @returns when that has happened. */
  cutNextCommit(): Promise<void>;
  /** The next COMMIT does not reach the server, and nobody is let through any more. @returns when that has happened. */
  holdNextCommit(): Promise<void>;
  /** From now on nothing gets through, and nobody is told: as when a cable is pulled. */
  fallSilent(): void;
  /** Lets new connections through again. */
  letThrough(): void;
  close(): Promise<void>;
}

/** A simple query of the wire protocol: 'Q', its length, and the text. */
const COMMIT = Buffer.from('Q\0\0\0\x0bCOMMIT\0', 'latin1');

export const startCuttingProxy = async (serverPort: number): Promise<CuttingProxy> => {
  let cut: (() => void) | null = null;
  let hold: (() => void) | null = null;
  let isShut = false;
  let isSilent = false;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    if (isShut) return void client.destroy();
    const upstream = connect(serverPort, '127.0.0.1');
    let isCut = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (data) => {
      if (isSilent) return;
      if (hold !== null && data.includes(COMMIT)) {
        isShut = true;
        hold();
        hold = null;
        return;
      }
      const mustCut = cut !== null && data.includes(COMMIT);
      const told = cut;
      if (mustCut) {
        cut = null;
        isCut = true;
      }
      upstream.write(data);
      // The server has everything; whether it has committed already is its own affair.
      if (mustCut) {
        client.destroy();
        told!();
      }
    });
    upstream.on('data', (data) => {
      if (!isCut && !isSilent) client.write(data);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    cutNextCommit: () =>
      new Promise((resolve) => {
        cut = resolve;
      }),
    holdNextCommit: () =>
      new Promise((resolve) => {
        hold = resolve;
      }),
    fallSilent: () => {
      isSilent = true;
    },
    letThrough: () => {
      isShut = false;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
