import { readItems } from '../items.js';
import { normalise } from '../normalise.js';
import { Rejection } from '../rejection.js';
import type { Format } from './format.js';

/** Tocsin's event format: one event, an array, `{"events":[…]}` or one on each line. */
export const tocsin: Format = {
  read: (bytes, request) =>
    readItems(bytes, request.contentType, request.most).map((item, index) => (item instanceof Rejection ? item : normalise(item, index, request))),
};
