import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { type Question, question, refusal } from './kafka-refusal.js';

const PRODUCE = 0;
export const FETCH = 1;
export const METADATA = 3;

/** What happens to a connection after an answer on it was lost. */
export type Aftermath = 'cut' | 'silence';

/** A TCP proxy that knows Kafka's frames: it can lose single answers to Produce requests, deliver requests late, and refuse them. */
export class KafkaProxy {
  readonly #server = createServer((client) => this.#serve(client));
  readonly #sockets = new Set<Socket>();
  readonly #held: (() => void)[] = [];
  #lose: Aftermath[] = [];
  #holding: number | undefined;
  #refuses: (asked: Question) => number = () => 0;
  /** Produce answers that were lost so far. */
  lost = 0;

  /** @param port of the broker's listener that advertises this proxy */
  constructor(private port: number) {}

  /** Port that the proxy listens on. */
  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  /** The broker is there. */
  forwardTo(port: number): void {
    this.port = port;
  }

  /** Loses exactly one answer: that to the next Produce request. The broker has carried it out. */
  loseProduceAnswer(then: Aftermath): void {
    this.#lose.push(then);
  }

  /** Requests of one kind (Kafka's API key) stay on the way from now on, even when their connection is closed. */
  hold(kind = PRODUCE): void {
    this.#holding = kind;
  }

  /** Requests that are held. */
  get held(): number {
    return this.#held.length;
  }

  /** New requests pass; those that are held stay. */
  pass(): void {
    this.#holding = undefined;
  }

  /** Delivers what was held, whoever still waits for it. */
  release(): void {
    this.#holding = undefined;
    for (const deliver of this.#held.splice(0)) deliver();
  }

  /** Refuses, with the number of the error that `refuses` answers, what a broker could refuse; 0 lets it pass. */
  refuse(refuses: (asked: Question) => number): void {
    this.#refuses = refuses;
  }

  #serve(client: Socket): void {
    const upstream = connect(this.port, '127.0.0.1');
    const losing = new Map<number, Aftermath>();
    let held = 0;
    let silent = false;
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      // Connections die on purpose here.
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
    }
    upstream.on('close', () => client.destroy());
    // What is held must still reach the broker when the client has gone.
    client.on('close', () => held === 0 && upstream.end());
    frames(client, (frame) => {
      const kind = frame.readInt16BE(4);
      const asked = question(frame);
      const code = asked ? this.#refuses(asked) : 0;
      if (asked && code !== 0) return void client.write(refusal(asked, code));
      if (kind === PRODUCE && this.#lose.length > 0) losing.set(frame.readInt32BE(8), this.#lose.shift()!);
      if (kind !== this.#holding) return void upstream.write(frame);
      held++;
      this.#held.push(() => upstream.write(frame));
    });
    frames(upstream, (frame) => {
      const aftermath = losing.get(frame.readInt32BE(4));
      if (aftermath) {
        this.lost++;
        silent = true;
        if (aftermath === 'cut') client.destroy();
      } else if (!silent) client.write(frame);
    });
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

/** Calls `each` with every whole frame: its length, and so many bytes. */
function frames(socket: Socket, each: (frame: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    rest = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const end = 4 + rest.readInt32BE(0);
      each(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
  });
}
