import { Injectable } from '@nestjs/common';
import { Discovery } from '../../shared/discovery.service.js';
import { type BeginState, storedState } from './stored-state.decorator.js';

/** The stored states of the consumer groups that have one, for the commands that move cursors. */
@Injectable()
export class StoredStates {
  constructor(private readonly discovery: Discovery) {}

  /** Function that replaces the state of a group; undefined for a group without state. */
  of(group: string): BeginState | undefined {
    return this.discovery.named(storedState, (name) => name).get(group)?.call;
  }
}
