/** Many readers of one event stream, in a process of their own. Arguments: address, how many. Says when all are there, and counts frames. */
import { Agent, get } from 'node:http';

const [url, count] = [process.argv[2]!, Number(process.argv[3])];
const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });
let open = 0;
let bytes = 0;

for (let i = 0; i < count; i++)
  get(`${url}/api/events`, { agent }, (response) => {
    if (response.statusCode !== 200) process.exit(1);
    // Thrown away as it comes: what readers do with it is not measured.
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    open++;
    if (open === count) process.send!('open');
  }).on('error', () => process.exit(1));

process.on('message', () => process.send!(bytes));
process.on('disconnect', () => process.exit());
