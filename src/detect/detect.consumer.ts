import { Controller } from '@nestjs/common';
import type { Batch } from '../log/consuming/batch.js';
import { Consume } from '../log/consuming/consume.decorator.js';
import { type RawRecord, topics } from '../topics.js';
import { DetectService } from './detect.service.js';

@Controller()
export class DetectConsumer {
  constructor(private readonly detect: DetectService) {}

  @Consume(topics.rawEvents, { group: 'detect', stateful: true })
  onRawEvents(batch: Batch<RawRecord>): Promise<void> {
    return this.detect.fold(batch);
  }
}
