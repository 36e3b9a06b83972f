/** Ids of one generation. Two generations are remembered, so an id is remembered for at least this many ids after it. */
export const GENERATION = 1 << 17;
/** Ids per checkpoint block. */
export const CHUNK = 1 << 12;
const FIRST_CAPACITY = 1 << 10;

/** Ids in order of arrival, as 64-bit hashes, and a hash table over them. */
class Generation {
  size = 0;
  /** Two cells for each id. */
  hashes = new Uint32Array(2 * FIRST_CAPACITY);
  /** Position of an id plus one, by its hash; linear probing, at most half full. */
  #table = new Int32Array(2 * FIRST_CAPACITY);

  constructor(readonly number: number) {}

  has(low: number, high: number): boolean {
    const mask = this.#table.length - 1;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const place = this.#table[slot]! - 1;
      if (place < 0) return false;
      if (this.hashes[2 * place] === low && this.hashes[2 * place + 1] === high) return true;
    }
  }

  add(low: number, high: number): void {
    if (2 * this.size === this.hashes.length) this.#grow();
    this.hashes[2 * this.size] = low;
    this.hashes[2 * this.size + 1] = high;
    this.#place(this.size++);
  }

  #place(place: number): void {
    const mask = this.#table.length - 1;
    let slot = this.hashes[2 * place]! & mask;
    while (this.#table[slot] !== 0) slot = (slot + 1) & mask;
    this.#table[slot] = place + 1;
  }

  #grow(): void {
    const hashes = new Uint32Array(2 * this.hashes.length);
    hashes.set(this.hashes);
    this.hashes = hashes;
    this.#table = new Int32Array(hashes.length);
    for (let place = 0; place < this.size; place++) this.#place(place);
  }
}

/** Consecutive ids of a generation: the content of one checkpoint block. */
export interface IdChunk {
  readonly generation: number;
  readonly chunk: number;
  /** Two cells for each id. */
  readonly hashes: Uint32Array;
}

/**
 * The ids of the latest events of a partition, for deduplication: senders retry requests that got no response, and sources read records again
 * after a crash. Ids are kept as 64-bit hashes: within 10^9 events the probability of a false duplicate is about 10^-5.
 */
export class RecentIds {
  #older = new Generation(-1);
  #current = new Generation(0);
  /** Ids of the current generation that are in a checkpoint. */
  #stored = 0;
  /** Ids of the older generation that are in a checkpoint. */
  #olderStored = 0;
  /** Dropped generations whose blocks may still be in a checkpoint. */
  readonly #forgotten: { generation: number; size: number }[] = [];
  #scope = { business: '', source: '', low: 0, high: 0 };
  #low = 0;
  #high = 0;

  constructor(private readonly generationSize = GENERATION) {}

  /** Adds the id of an event; true when an event of the same business and source had it before. */
  repeats(business: string, source: string, id: string): boolean {
    this.#hash(business, source, id);
    const [low, high] = [this.#low, this.#high];
    if (this.#current.has(low, high) || this.#older.has(low, high)) return true;
    if (this.#current.size === this.generationSize) this.#turn();
    this.#current.add(low, high);
    return false;
  }

  #turn(): void {
    if (this.#older.size > 0) this.#forgotten.push({ generation: this.#older.number, size: this.#older.size });
    this.#older = this.#current;
    this.#olderStored = this.#stored;
    this.#current = new Generation(this.#older.number + 1);
    this.#stored = 0;
  }

  /** Number and size of the current generation; {@link restore} needs them to find the chunks. */
  get extent(): { readonly generation: number; readonly size: number } {
    return { generation: this.#current.number, size: this.#current.size };
  }

  /** The chunks that differ from those of the latest {@link markClean}. */
  dirtyChunks(): IdChunk[] {
    return [...chunksOf(this.#older, this.#olderStored), ...chunksOf(this.#current, this.#stored)];
  }

  /** The chunks of dropped generations. */
  removedChunks(): { readonly generation: number; readonly chunk: number }[] {
    return this.#forgotten.flatMap(({ generation, size }) => Array.from({ length: Math.ceil(size / CHUNK) }, (_, chunk) => ({ generation, chunk })));
  }

  /** Notes that the chunks of {@link dirtyChunks} are stored and those of {@link removedChunks} deleted. */
  markClean(): void {
    this.#forgotten.length = 0;
    this.#olderStored = this.#older.size;
    this.#stored = this.#current.size;
  }

  /** Fills an empty memory from the chunks of both generations. Throws an Error that names the missing ids. */
  restore({ generation, size }: { readonly generation: number; readonly size: number }, chunks: readonly IdChunk[]): void {
    this.#older = generationOf(generation - 1, generation > 0 ? this.generationSize : 0, chunks);
    this.#current = generationOf(generation, size, chunks);
    this.markClean();
  }

  /** Two 32-bit hashes over the characters. The state after business and source is kept, because they seldom change between two events. */
  #hash(business: string, source: string, id: string): void {
    const scope = this.#scope;
    if (scope.business !== business || scope.source !== source) {
      this.#low = 0x811c9dc5;
      this.#high = 0x9e3779b9;
      this.#mix(business);
      this.#mix(source);
      this.#scope = { business, source, low: this.#low, high: this.#high };
    } else {
      this.#low = scope.low;
      this.#high = scope.high;
    }
    this.#mix(id);
    this.#low = finish(this.#low ^ (this.#high >>> 7));
    this.#high = finish(this.#high);
  }

  #mix(text: string): void {
    let [low, high] = [this.#low, this.#high];
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      low = Math.imul(low ^ code, 0x01000193);
      high = Math.imul(high ^ code, 0x85ebca6b) ^ (high >>> 13);
    }
    // The length distinguishes ("ab", "c") from ("a", "bc").
    this.#low = Math.imul(low ^ text.length, 0x01000193) ^ 0xff;
    this.#high = Math.imul(high ^ text.length, 0xc2b2ae35) ^ (high >>> 15);
  }
}

function finish(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** The chunks of a generation that contain ids at position `from` or after it. */
function chunksOf(generation: Generation, from: number): IdChunk[] {
  const chunks: IdChunk[] = [];
  for (let chunk = Math.floor(from / CHUNK); from < generation.size && chunk * CHUNK < generation.size; chunk++) {
    const hashes = generation.hashes.subarray(2 * chunk * CHUNK, 2 * Math.min((chunk + 1) * CHUNK, generation.size));
    chunks.push({ generation: generation.number, chunk, hashes });
  }
  return chunks;
}

function generationOf(number: number, size: number, chunks: readonly IdChunk[]): Generation {
  const generation = new Generation(number);
  const own = new Map(chunks.filter((each) => each.generation === number).map(({ chunk, hashes }) => [chunk, hashes]));
  for (let chunk = 0; chunk * CHUNK < size; chunk++) {
    const hashes = own.get(chunk);
    const wanted = Math.min(CHUNK, size - chunk * CHUNK);
    if (!hashes || hashes.length < 2 * wanted)
      throw new Error(`checkpoint lacks ids ${chunk * CHUNK} to ${chunk * CHUNK + wanted - 1} of generation ${number}`);
    for (let place = 0; place < wanted; place++) generation.add(hashes[2 * place]!, hashes[2 * place + 1]!);
  }
  return generation;
}
