/**
 * Posts the workload to a URL: `node bench/sender.mjs <url> <options as JSON>`; tells its parent when it begins and ends.
 * Over many connections, so that the processor is the limit and not how long the log lets each request wait.
 */
import { Agent, request } from 'node:http';
import { bodies } from './role-table.mjs';

const CONNECTIONS = 64;
const [, , url, json] = process.argv;
const options = JSON.parse(json);
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
const all = bodies(options);

function post(body) {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      { method: 'POST', agent, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } },
      (response) => {
        response.resume();
        response.on('end', () => (response.statusCode < 300 ? resolve() : reject(new Error(`status ${response.statusCode}`))));
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

process.send('begin');
let next = 0;
await Promise.all(
  Array.from({ length: CONNECTIONS }, async () => {
    while (next < all.length) await post(all[next++]);
  }),
);
process.send('end', () => process.exit(0));
