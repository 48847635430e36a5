/** Stands between a client and PostgreSQL, and cuts the line at the worst moment: after a COMMIT went out, before its answer comes. */
import { connect, createServer, type Socket } from 'node:net';

export interface CuttingProxy {
  readonly port: number;
  /** The next COMMIT reaches the server, and its answer reaches nobody. @returns when that has happened. */
  cutNextCommit(): Promise<void>;
  close(): Promise<void>;
}

/** A simple query of the wire protocol: 'Q', its length, and the text. */
const COMMIT = Buffer.from('Q\0\0\0\x0bCOMMIT\0', 'latin1');

export const startCuttingProxy = async (serverPort: number): Promise<CuttingProxy> => {
  let cut: (() => void) | null = null;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
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
      if (!isCut) client.write(data);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    cutNextCommit: () =>
      new Promise((resolve) => {
        cut = resolve;
      }),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
