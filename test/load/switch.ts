/** One address for several servers, as a proxy or a virtual address in front of them is: new connections go where it leads now. */
import { connect, createServer, type Socket } from 'node:net';

export interface Switch {
  readonly port: number;
  /** From now on to the server at this port; what was connected before ends with the server that it went to. */
  lead(port: number): void;
  close(): Promise<void>;
}

export const startSwitch = async (first: number): Promise<Switch> => {
  let to = first;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(to, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream);
    upstream.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    lead: (port) => {
      to = port;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
