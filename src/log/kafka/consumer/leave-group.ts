import type { Kafka } from 'kafkajs';

interface CoordinatorLookup {
  findGroupCoordinator(options: { groupId: string }): Promise<{ leaveGroup(member: { groupId: string; memberId: string }): Promise<unknown> }>;
}

/** Takes a member out of its group over a connection of its own. kafkajs hands its cluster to assigners only, so one is asked for it. */
export async function leaveGroup(kafka: Kafka, groupId: string, memberId: string): Promise<void> {
  const never = (): never => {
    throw new Error('consumer never joins');
  };
  let cluster: CoordinatorLookup | undefined;
  const consumer = kafka.consumer({
    groupId,
    partitionAssigners: [
      (config) => {
        cluster = config.cluster as unknown as CoordinatorLookup;
        return { name: 'none', version: 0, assign: never, protocol: never };
      },
    ],
  });
  try {
    await consumer.connect();
    const coordinator = await cluster!.findGroupCoordinator({ groupId });
    await coordinator.leaveGroup({ groupId, memberId });
  } finally {
    await consumer.disconnect();
  }
}
