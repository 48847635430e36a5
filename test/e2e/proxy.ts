/** A proxy before a service: under a path of its own, and with a stream of events that a test speaks into. */
import { createServer, request, type ServerResponse } from 'node:http';

export interface RunningProxy {
  readonly url: string;
  /** Streams that are open now. */
  readonly streams: ReadonlySet<ServerResponse>;
  /** Paths that were asked for, without the streams. */
  readonly asked: string[];
  /** Says something to everybody who listens. */
  tell(frame: object): void;
  close(): void;
}

interface ProxyOptions {
  readonly prefix?: string;
  /** Answers /api/events itself. */
  readonly stream?: boolean;
}

export const startProxy = async (
  target: string,
  { prefix = '', stream = false }: ProxyOptions = {},
): Promise<RunningProxy> => {
  const { hostname, port } = new URL(target);
  const streams = new Set<ServerResponse>();
  const asked: string[] = [];
  const server = createServer((incoming, outgoing) => {
    const path = (incoming.url ?? '').slice(prefix.length) || '/';
    if (stream && path === '/api/events') {
      outgoing.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      outgoing.write(': hello\n\n');
      streams.add(outgoing);
      outgoing.on('close', () => streams.delete(outgoing));
      return;
    }
    asked.push(path);
    const { method, headers } = incoming;
    const sent = request({ hostname, port, path, method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(outgoing);
    });
    sent.on('error', () => outgoing.destroy());
    incoming.pipe(sent);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port: own } = server.address() as { port: number };
  let n = 0;
  return {
    url: `http://127.0.0.1:${own}${prefix}`,
    streams,
    asked,
    tell: (frame) => {
      n += 1;
      for (const one of streams) one.write(`id: test-${n}\ndata: ${JSON.stringify(frame)}\n\n`);
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};
