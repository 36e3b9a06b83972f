import type { ConsumerGroupInternals } from '../protocol/kafkajs-patches.client.js';

/** kafkajs' group member, with the fields of its subscription. */
export interface SubscribedMember extends ConsumerGroupInternals {
  topicsSubscribed: readonly string[];
  /** Also the initial subscription when kafkajs restarts the consumer after a crash. */
  readonly topicConfigurations: Record<string, { fromBeginning: boolean }>;
  partitionsPerSubscribedTopic: ReadonlyMap<string, readonly number[]> | null;
  generatePartitionsPerSubscribedTopic(): ReadonlyMap<string, readonly number[]>;
  readonly cluster: { readonly targetTopics: Set<string>; addMultipleTargetTopics(topics: readonly string[]): Promise<void> };
}

/** Removes other topics from the metadata requests of kafkajs: a deleted topic would fail every response. */
export function dropOtherTopics({ cluster, topicConfigurations }: SubscribedMember, topics: readonly string[]): void {
  for (const topic of Object.keys(topicConfigurations).filter((each) => !topics.includes(each))) {
    cluster.targetTopics.delete(topic);
    delete topicConfigurations[topic];
  }
}

/** Sets the topics of the next JoinGroup. kafkajs allows one subscription per consumer, and a new consumer would be a new member of the group. */
export async function resubscribe(member: SubscribedMember, topics: readonly string[]): Promise<void> {
  dropOtherTopics(member, topics);
  for (const topic of topics) member.topicConfigurations[topic] ??= { fromBeginning: true };
  await member.cluster.addMultipleTargetTopics(topics);
  member.topicsSubscribed = topics;
  // kafkajs looks up each subscribed topic here at every fetch.
  member.partitionsPerSubscribedTopic &&= member.generatePartitionsPerSubscribedTopic();
}
