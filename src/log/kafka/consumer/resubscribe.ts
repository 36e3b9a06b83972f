import type { ConsumerGroupInternals } from '../protocol/kafkajs-patches.client.js';

/** Where kafkajs keeps what a member of a group reads. */
export interface SubscribedMember extends ConsumerGroupInternals {
  topicsSubscribed: readonly string[];
  /** Also what the consumer begins with when kafkajs starts it again after a crash. */
  readonly topicConfigurations: Record<string, { fromBeginning: boolean }>;
  partitionsPerSubscribedTopic: ReadonlyMap<string, readonly number[]> | null;
  generatePartitionsPerSubscribedTopic(): ReadonlyMap<string, readonly number[]>;
  readonly cluster: { readonly targetTopics: Set<string>; addMultipleTargetTopics(topics: readonly string[]): Promise<void> };
}

/** kafkajs asks no more for topics that are not among these: one that is gone would make every answer an error. */
export function dropOtherTopics({ cluster, topicConfigurations }: SubscribedMember, topics: readonly string[]): void {
  for (const topic of Object.keys(topicConfigurations).filter((each) => !topics.includes(each))) {
    cluster.targetTopics.delete(topic);
    delete topicConfigurations[topic];
  }
}

/** The topics with which the member asks to join next. kafkajs lets a consumer choose them once; a new one would be a stranger to the group. */
export async function resubscribe(member: SubscribedMember, topics: readonly string[]): Promise<void> {
  dropOtherTopics(member, topics);
  for (const topic of topics) member.topicConfigurations[topic] ??= { fromBeginning: true };
  await member.cluster.addMultipleTargetTopics(topics);
  member.topicsSubscribed = topics;
  // With every fetch kafkajs looks here for each of the topics.
  member.partitionsPerSubscribedTopic &&= member.generatePartitionsPerSubscribedTopic();
}
