import { Module } from '@nestjs/common';
import { Clusters } from './cluster.js';
import { ForeignTopics } from './external-topics.js';
import { KafkaClusters } from './kafka/kafka-clusters.service.js';
import { KafkaForeignTopics } from './kafka/kafka-external-topics.service.js';

/** Kafka clusters of others: those that sources read, and those that pushes go to. */
@Module({
  providers: [
    { provide: Clusters, useClass: KafkaClusters },
    { provide: ForeignTopics, useClass: KafkaForeignTopics },
  ],
  exports: [Clusters, ForeignTopics],
})
export class ExternalClustersModule {}
