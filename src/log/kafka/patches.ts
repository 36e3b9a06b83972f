import ConsumerGroup from 'kafkajs/src/consumer/consumerGroup.js';
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';

export interface RequestQueueInternals {
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  pending: unknown[];
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
}

export interface ConsumerGroupInternals {
  memberId: string | null;
  generationId: number | null;
}

/** Generation of the group in which a member (by its id) joined last. kafkajs knows it and does not tell. */
export const generations = new Map<string, number>();

let patched = false;

/**
 * Two repairs of kafkajs 2.2.4 at run time: an idle connection arms a timer every millisecond for ever, and the group's generation,
 * which the fence needs, is kept private.
 */
export function patchKafkajs(): void {
  if (patched) return;
  patched = true;
  patchTimerLoop();
  patchGenerations();
}

function patchTimerLoop(): void {
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

function patchGenerations(): void {
  const prototype = ConsumerGroup.prototype;
  const join = Object.getOwnPropertySymbols(prototype).find(({ description }) => description === 'private:ConsumerGroup:join');
  const original = join && prototype[join];
  if (!join || !original) throw new Error('kafkajs has no private join any more: pin 2.2.4');
  prototype[join] = async function (this: ConsumerGroupInternals): Promise<void> {
    await original.call(this);
    if (this.memberId !== null && this.generationId !== null) generations.set(this.memberId, this.generationId);
  };
}
