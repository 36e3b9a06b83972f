import ConsumerGroup from 'kafkajs/src/consumer/consumerGroup.js';
import Connection from 'kafkajs/src/network/connection.js';
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';

export interface RequestQueueInternals {
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  pending: unknown[];
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
}

export interface ConnectionInternals {
  connect(): Promise<boolean>;
  disconnect(): Promise<boolean>;
}

interface PartitionOffset {
  readonly partition: number;
  readonly offset: string;
}

/** kafkajs' group member. */
export interface ConsumerGroupInternals {
  readonly memberId: string | null;
  readonly generationId: number | null;
  readonly assigners: readonly object[];
  joinAndSync(): Promise<void>;
  heartbeat(options: { interval: number }): Promise<void>;
  commitOffsets(offsets: { topics: { topic: string; partitions: PartitionOffset[] }[] }): Promise<void>;
}

/** Hooks into the group membership, which kafkajs does not expose. */
export interface MembershipHooks {
  /** Before each JoinGroup. A rejection with a non-retriable error stops the consumer. */
  beforeJoin(member: ConsumerGroupInternals): Promise<void>;
  /** After the assignment is known, before the first fetch. */
  afterJoin(): Promise<void>;
  /** The broker rejected a heartbeat or a commit of the current generation. */
  onRejected(error: unknown): void;
  /** The error that makes kafkajs rejoin the group at its next heartbeat. */
  readonly rejoinError: Error | undefined;
}

const hooksByAssigner = new WeakMap<object, MembershipHooks>();

/** Attaches hooks to the member that kafkajs creates: assigners are the only caller objects that it passes on. */
export function addMembershipHooks(assigner: object, hooks: MembershipHooks): void {
  hooksByAssigner.set(assigner, hooks);
}

function hooksOf({ assigners }: ConsumerGroupInternals): MembershipHooks | undefined {
  return assigners[0] && hooksByAssigner.get(assigners[0]);
}

let patched = false;

/**
 * Run-time fixes of kafkajs 2.2.4: an idle connection re-arms a timer every millisecond; two concurrent requests for one connection
 * open two sockets, one of which is never closed; and a consumer cannot observe that a rebalance is about to revoke its partitions,
 * its generation id (needed for fencing), or that the broker rejected its requests.
 */
export function patchKafkajs(): void {
  if (patched) return;
  patched = true;
  patchThrottleTimer();
  patchConnect();
  patchJoin();
  patchRejections();
}

function patchThrottleTimer(): void {
  RequestQueue.prototype.scheduleCheckPendingRequests = function (this: RequestQueueInternals): void {
    if (this.throttleCheckTimeoutId) return;
    const throttled = this.throttledUntil - Date.now();
    if (this.pending.length === 0 && throttled <= 0) return;
    this.throttleCheckTimeoutId = setTimeout(
      () => {
        this.throttleCheckTimeoutId = null;
        this.checkPendingRequests();
      },
      throttled > 0 ? throttled : 10,
    );
  };
}

/** Concurrent callers share one connection attempt. */
function patchConnect(): void {
  const { connect } = Connection.prototype;
  const connecting = new WeakMap<ConnectionInternals, Promise<boolean>>();
  Connection.prototype.connect = function (this: ConnectionInternals): Promise<boolean> {
    const attempt = connecting.get(this) ?? connect.call(this).finally(() => connecting.delete(this));
    connecting.set(this, attempt);
    return attempt;
  };
}

function patchJoin(): void {
  const prototype = ConsumerGroup.prototype;
  const join = Object.getOwnPropertySymbols(prototype).find(({ description }) => description === 'private:ConsumerGroup:join');
  const original = join && prototype[join];
  if (!join || !original) throw new Error('kafkajs has no private join; pin version 2.2.4');
  prototype[join] = async function (this: ConsumerGroupInternals): Promise<void> {
    await hooksOf(this)?.beforeJoin(this);
    await original.call(this);
  };
  const { joinAndSync } = prototype;
  prototype.joinAndSync = async function (this: ConsumerGroupInternals): Promise<void> {
    await joinAndSync.call(this);
    await hooksOf(this)?.afterJoin();
  };
}

function patchRejections(): void {
  const prototype = ConsumerGroup.prototype;
  const { heartbeat, commitOffsets } = prototype;
  prototype.heartbeat = function (this: ConsumerGroupInternals, options): Promise<void> {
    const hooks = hooksOf(this);
    if (hooks?.rejoinError) return Promise.reject(hooks.rejoinError);
    return reportRejection(this, () => heartbeat.call(this, options));
  };
  prototype.commitOffsets = function (this: ConsumerGroupInternals, offsets): Promise<void> {
    return reportRejection(this, () => commitOffsets.call(this, offsets));
  };
}

async function reportRejection(member: ConsumerGroupInternals, request: () => Promise<void>): Promise<void> {
  const { generationId } = member;
  try {
    await request();
  } catch (error) {
    if (member.generationId === generationId) hooksOf(member)?.onRejected(error);
    throw error;
  }
}
