import { Module } from '@nestjs/common';
import { Clusters } from './cluster.js';
import { ExternalTopics } from './external-topics.js';
import { KafkaClusters } from './kafka/kafka-clusters.service.js';
import { KafkaExternalTopics } from './kafka/kafka-external-topics.service.js';

/** External Kafka clusters: those that sources consume, and those that pushes are delivered to. */
@Module({
  providers: [
    { provide: Clusters, useClass: KafkaClusters },
    { provide: ExternalTopics, useClass: KafkaExternalTopics },
  ],
  exports: [Clusters, ExternalTopics],
})
export class ExternalClustersModule {}
