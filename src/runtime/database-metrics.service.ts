import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Database } from '../database/database.client.js';
import { MetricCollector } from './metric-collector.decorator.js';
import { Metrics } from './metrics.service.js';

/** Exports metrics of transactions and connections. */
@Injectable()
export class DatabaseMetrics implements OnModuleInit {
  constructor(
    private readonly metrics: Metrics,
    private readonly database: Database,
  ) {}

  onModuleInit(): void {
    this.database.onEnded = ({ outcome, seconds, commitSeconds }) => {
      this.metrics.increment('tocsin_database_transactions_total', { outcome });
      this.metrics.observe('tocsin_database_transaction_duration_seconds', {}, seconds);
      if (commitSeconds !== undefined) this.metrics.observe('tocsin_database_commit_duration_seconds', {}, commitSeconds);
    };
  }

  @MetricCollector()
  collect(): void {
    this.metrics.set('tocsin_database_waiting_transactions', [[{}, this.database.waiting]]);
    const pool = this.database.pool?.();
    this.metrics.set(
      'tocsin_database_connections',
      Object.entries(pool ?? {}).map(([state, count]) => [{ state }, count as number]),
    );
  }
}
