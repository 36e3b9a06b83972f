import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import type { Cluster } from '../log/cluster.js';
import { PauseService } from '../log/consuming/pause.service.js';
import type { DesiredSource } from './reconcile.js';
import { RunningSource } from './running-source.service.js';
import { SourceClaims } from './source-claims.service.js';
import { SourceDecoder } from './source-decoder.service.js';
import { SourcePublisher } from './source-publisher.service.js';

/** Creates the sources of this replica with the services that they share. */
@Injectable()
export class SourceRunner {
  constructor(
    readonly config: Config,
    readonly claims: SourceClaims,
    readonly decoder: SourceDecoder,
    readonly publisher: SourcePublisher,
    readonly pauses: PauseService,
  ) {}

  run(desired: DesiredSource, cluster: Cluster): RunningSource {
    return new RunningSource(desired, cluster, this);
  }
}
