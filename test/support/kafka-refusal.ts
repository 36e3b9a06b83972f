/** The kinds of requests (Kafka's API keys) that a broker can refuse for a topic or a group which is moving at the moment. */
export const kinds = {
  PRODUCE: 0,
  FETCH: 1,
  LIST_OFFSETS: 2,
  OFFSET_COMMIT: 8,
  OFFSET_FETCH: 9,
  FIND_COORDINATOR: 10,
  JOIN_GROUP: 11,
  HEARTBEAT: 12,
  SYNC_GROUP: 14,
  DESCRIBE_GROUPS: 15,
  LIST_GROUPS: 16,
} as const;

type Partitions = ReadonlyMap<string, readonly number[]>;

/** A request as far as it tells whom it is about: topics with their partitions, or groups. */
export interface Question {
  readonly kind: number;
  readonly version: number;
  readonly correlation: number;
  /** Of the records, or of committed positions. */
  readonly partitions: Partitions;
  readonly groups: readonly string[];
}

/** Reads the fields of a request one after the other. */
class Fields {
  #at: number;

  constructor(
    private readonly bytes: Buffer,
    start: number,
  ) {
    this.#at = start;
  }

  skip(bytes: number): void {
    this.#at += bytes;
  }

  int16(): number {
    this.#at += 2;
    return this.bytes.readInt16BE(this.#at - 2);
  }

  int32(): number {
    this.#at += 4;
    return this.bytes.readInt32BE(this.#at - 4);
  }

  /** Empty where there is none. */
  text(): string {
    const length = Math.max(0, this.int16());
    this.#at += length;
    return this.bytes.toString('utf8', this.#at - length, this.#at);
  }

  list<T>(each: () => T): T[] {
    return Array.from({ length: Math.max(0, this.int32()) }, each);
  }
}

/**
 * What a whole frame of a client asks, in the versions without tagged fields; undefined for kinds that are not listed in {@link kinds}.
 * Source: https://kafka.apache.org/protocol
 */
export function question(frame: Buffer): Question | undefined {
  const fields = new Fields(frame, 4);
  const [kind, version, correlation] = [fields.int16(), fields.int16(), fields.int32()];
  fields.text();
  const none: Partitions = new Map();
  const asked = (about: { partitions?: Partitions; groups?: readonly string[] }): Question => ({
    kind,
    version,
    correlation,
    partitions: about.partitions ?? none,
    groups: about.groups ?? [],
  });
  const partitions = (each: () => void): Partitions =>
    new Map(
      fields.list((): [string, number[]] => [
        fields.text(),
        fields.list(() => {
          const partition = fields.int32();
          each();
          return partition;
        }),
      ]),
    );
  switch (kind) {
    case kinds.PRODUCE:
      fields.text();
      fields.skip(6);
      return asked({ partitions: partitions(() => fields.skip(fields.int32())) });
    case kinds.FETCH:
      fields.skip(version >= 7 ? 25 : 17);
      return asked({ partitions: partitions(() => fields.skip((version >= 9 ? 4 : 0) + 8 + (version >= 5 ? 8 : 0) + 4)) });
    case kinds.LIST_OFFSETS:
      fields.skip(version >= 2 ? 5 : 4);
      return asked({ partitions: partitions(() => fields.skip(8)) });
    case kinds.OFFSET_COMMIT: {
      const group = fields.text();
      fields.skip(4);
      fields.text();
      if (version < 5) fields.skip(8);
      const committed = partitions(() => {
        fields.skip(8);
        fields.text();
      });
      return asked({ groups: [group], partitions: committed });
    }
    case kinds.OFFSET_FETCH: {
      const group = fields.text();
      return asked({ groups: [group], partitions: partitions(() => undefined) });
    }
    case kinds.DESCRIBE_GROUPS:
      return asked({ groups: fields.list(() => fields.text()) });
    case kinds.LIST_GROUPS:
      return asked({});
    case kinds.FIND_COORDINATOR:
    case kinds.JOIN_GROUP:
    case kinds.HEARTBEAT:
    case kinds.SYNC_GROUP:
      return asked({ groups: [fields.text()] });
    default:
      return undefined;
  }
}

const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
};
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
/** -1, or 0 where that is the value of nothing. */
const filled = (bytes: number, value = 0xff): Buffer => Buffer.alloc(bytes, value);
const text = (value: string): Buffer => Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)]);
const list = (all: readonly Buffer[]): Buffer => Buffer.concat([int32(all.length), ...all]);

/** The frame with which a broker that carries nothing out refuses the question; `code` is Kafka's number of the error. */
export function refusal({ kind, version, correlation, partitions, groups }: Question, code: number): Buffer {
  const each = (one: (partition: Buffer) => Buffer[]): Buffer =>
    list([...partitions].map(([topic, own]) => Buffer.concat([text(topic), list(own.map((id) => Buffer.concat(one(int32(id)))))])));
  const error = int16(code);
  const throttle = int32(0);
  const bodies: Record<number, () => Buffer[]> = {
    [kinds.PRODUCE]: () => [each((id) => [id, error, filled(16), ...(version >= 5 ? [filled(8)] : [])]), throttle],
    [kinds.FETCH]: () => [
      throttle,
      ...(version >= 7 ? [int16(0), int32(0)] : []),
      each((id) => [id, error, filled(16), ...(version >= 5 ? [filled(8)] : []), int32(0), ...(version >= 11 ? [filled(4)] : []), int32(0)]),
    ],
    [kinds.LIST_OFFSETS]: () => [...(version >= 2 ? [throttle] : []), each((id) => [id, error, filled(16)])],
    [kinds.OFFSET_COMMIT]: () => [...(version >= 3 ? [throttle] : []), each((id) => [id, error])],
    [kinds.OFFSET_FETCH]: () => [...(version >= 3 ? [throttle] : []), each((id) => [id, filled(8), text(''), int16(0)]), error],
    [kinds.FIND_COORDINATOR]: () => [
      ...(version >= 1 ? [throttle] : []),
      error,
      ...(version >= 1 ? [filled(2)] : []),
      filled(4),
      text(''),
      filled(4),
    ],
    [kinds.JOIN_GROUP]: () => [...(version >= 2 ? [throttle] : []), error, filled(4), text(''), text(''), text(''), int32(0)],
    [kinds.HEARTBEAT]: () => [...(version >= 1 ? [throttle] : []), error],
    [kinds.SYNC_GROUP]: () => [...(version >= 1 ? [throttle] : []), error, int32(0)],
    [kinds.LIST_GROUPS]: () => [...(version >= 1 ? [throttle] : []), error, int32(0)],
    [kinds.DESCRIBE_GROUPS]: () => [
      ...(version >= 1 ? [throttle] : []),
      list(groups.map((group) => Buffer.concat([error, text(group), text(''), text(''), text(''), int32(0)]))),
    ],
  };
  const body = Buffer.concat([int32(correlation), ...bodies[kind]!()]);
  return Buffer.concat([int32(body.length), body]);
}
