import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { eventually } from '../../../../test/support/eventually.js';
import { kafkaClient } from './kafka-client.client.js';
import { brokerPoolOf } from './broker-pool.client.js';

describe('the patches of kafkajs', () => {
  it('opens one socket for concurrent requests of the same connection', async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const pool = brokerPoolOf(kafkaClient({ brokers: [`127.0.0.1:${port}`] }, 'test', { retries: 0 }));
    // kafkajs creates the seed broker at the first attempt; this server never responds.
    const attempt = pool.connect().catch(() => undefined);
    await once(server, 'connection');
    const { connectionPool } = pool.seedBroker!;
    await Promise.all([1, 1, 1].map((index) => connectionPool.getConnection(index)));
    // When this connection is accepted, all earlier ones have been.
    const last = connect(port, '127.0.0.1');
    await once(last, 'connect');
    await eventually(() => sockets.some(({ remotePort }) => remotePort === last.localPort), 'the last to be let in');
    expect(sockets.length).toBe(3);
    for (const socket of sockets) socket.destroy();
    last.destroy();
    await attempt;
    await pool.disconnect();
    server.close();
  });
});
