import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Brokers } from './brokers.client.js';

describe('requests to the brokers of a cluster', () => {
  it('do not reconnect after close', async () => {
    let sockets = 0;
    const server = createServer((socket) => {
      sockets++;
      socket.destroy();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const brokers = new Brokers({ brokers: [`127.0.0.1:${(server.address() as AddressInfo).port}`] }, 'test');
    await expect(brokers.topics()).rejects.toThrow();
    const before = sockets;
    expect(before).toBeGreaterThan(0);
    await brokers.close();
    await expect(brokers.topics()).rejects.toThrow('closed');
    await expect(brokers.fetch(1, [], { maxWaitMs: 1, bytes: 1, partitionBytes: 1 })).rejects.toThrow('closed');
    expect(sockets).toBe(before);
    server.close();
  });
});
