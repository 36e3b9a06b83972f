import type { Kafka } from 'kafkajs';

interface CoordinatorLookup {
  findGroupCoordinator(options: { groupId: string }): Promise<{ leaveGroup(member: { groupId: string; memberId: string }): Promise<unknown> }>;
}

/** Sends LeaveGroup over a separate connection. kafkajs exposes its cluster only to assigners, so a dummy assigner captures it. */
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
