import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy that can lose an answer: the request reaches the server, the client only sees its connection die. */
export class FaultProxy {
  readonly #server = createServer((client) => this.#serve(client));
  readonly #sockets = new Set<Socket>();
  #swallow: ((request: Buffer) => boolean) | undefined;
  /** Answers that were lost so far. */
  swallowed = 0;

  constructor(
    private readonly host: string,
    private readonly port: number,
  ) {}

  /** Port that the proxy listens on. */
  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  /** Loses the answer to the next request for which `matches` says so. */
  swallowAnswerTo(matches: (request: Buffer) => boolean): void {
    this.#swallow = matches;
  }

  /** Cuts every connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(client: Socket): void {
    const upstream = connect(this.port, this.host);
    let losing = false;
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
      // Connections die on purpose here.
      socket.on('error', () => undefined);
    }
    client.on('data', (request) => {
      if (this.#swallow?.(request)) {
        this.#swallow = undefined;
        losing = true;
      }
      upstream.write(request);
    });
    upstream.on('data', (answer) => {
      if (!losing) client.write(answer);
      else {
        this.swallowed++;
        client.destroy();
      }
    });
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}
