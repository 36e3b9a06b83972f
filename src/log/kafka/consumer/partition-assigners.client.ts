import kafkajs, { type Assigner, type GroupMember, type PartitionAssigner } from 'kafkajs';
import type { Config } from '../../../config.js';
import type { TopicPartition } from '../../event-log.js';
import { type AssignmentStrategy, type AssignableMember, range, roundRobin, sticky } from './assignment.js';
import { type MembershipHooks, addMembershipHooks } from '../protocol/kafkajs-patches.client.js';

const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol;

/** By the values of KAFKA_ASSIGNER; `protocol` is the protocol name in JoinGroup, which the Kafka tools show. */
const strategies: Record<Config['KAFKA_ASSIGNER'], { readonly protocol: string; readonly assign: AssignmentStrategy }> = {
  sticky: { protocol: 'tocsin-sticky', assign: sticky },
  range: { protocol: 'range', assign: range },
  // The name of kafkajs' own assigner, so that a group may contain both.
  round_robin: { protocol: 'RoundRobinAssigner', assign: roundRobin },
};

/** Owned partitions by physical topic names. */
export interface OwnedPartitions {
  readonly generation: number;
  readonly partitions: readonly TopicPartition[];
}

/**
 * All assigners, the preferred one first: the broker selects one that every member supports, so replicas with different settings work together.
 * @param owned is called before each JoinGroup
 */
export function partitionAssigners(preferred: Config['KAFKA_ASSIGNER'], owned: () => OwnedPartitions, hooks: MembershipHooks): PartitionAssigner[] {
  const others = Object.values(strategies).filter((each) => each !== strategies[preferred]);
  return [strategies[preferred], ...others].map(({ protocol, assign }) => ({ cluster }) => {
    const assigner: Assigner = {
      name: protocol,
      version: 0,
      protocol: ({ topics }) => ({ name: protocol, metadata: MemberMetadata.encode({ version: 0, topics, userData: encodeUserData(owned()) }) }),
      assign: ({ members, topics }) => {
        const partitionsByTopic = new Map(
          topics.map((topic) => [topic, cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)]),
        );
        return Promise.resolve(
          [...assign(members.map(decodeMember), partitionsByTopic)].map(([memberId, partitions]) => ({
            memberId,
            memberAssignment: encodeAssignment(partitions),
          })),
        );
      },
    };
    addMembershipHooks(assigner, hooks);
    return assigner;
  });
}

function encodeUserData({ generation, partitions }: OwnedPartitions): Buffer {
  return Buffer.from(JSON.stringify({ generation, owned: partitions.map(({ topic, partition }) => [topic, partition]) }));
}

/** Without readable user data (another client) the member owns nothing. */
function decodeMember({ memberId: id, memberMetadata }: GroupMember): AssignableMember {
  const { topics, userData } = MemberMetadata.decode(memberMetadata) ?? { topics: [], userData: Buffer.alloc(0) };
  try {
    const { generation, owned } = JSON.parse(userData.toString('utf8')) as { generation: unknown; owned: unknown };
    return { id, topics, generation: Number(generation), owned: (owned as unknown[]).map(partitionOf) };
  } catch {
    return { id, topics, generation: -1, owned: [] };
  }
}

function partitionOf(pair: unknown): TopicPartition {
  const [topic, partition] = pair as [string, number];
  return { topic, partition };
}

function encodeAssignment(partitions: readonly TopicPartition[]): Buffer {
  const assignment: Record<string, number[]> = {};
  for (const { topic, partition } of partitions) (assignment[topic] ??= []).push(partition);
  return MemberAssignment.encode({ version: 0, assignment, userData: Buffer.alloc(0) });
}
