import { AlertProblem, readAlert } from '../alerts.js';
import { Rejection } from '../rejection.js';
import { atMost, isFields, readDocuments } from './document.js';
import type { Format, FormatRequest, Item } from './format.js';

/**
 * Lifetime (ms) of an alert from a webhook, unless it is resolved: Alertmanager calls webhooks only on changes and every few hours (repeat_interval).
 * An alert from Prometheus stays active for five minutes.
 */
export const WEBHOOK_LEASE_MS = 86_400_000;

/** Alerts in the format of Alertmanager webhooks, `{"version":"4","alerts":[...]}`, or of Prometheus, one or an array. */
export const alertmanager: Format = {
  read: (bytes, request) => {
    const items = readDocuments(bytes, request.contentType, request.most).flatMap(alertsOf);
    return atMost(items, request.most).map((item, index) => readItem(item, index, request));
  },
};

/** An alert of a webhook, which has no end time. */
class WebhookAlert {
  constructor(readonly alert: unknown) {}
}

function alertsOf(document: unknown): unknown[] {
  if (Array.isArray(document)) return document as unknown[];
  if (isFields(document) && Array.isArray(document['alerts'])) return (document['alerts'] as unknown[]).map((alert) => new WebhookAlert(alert));
  return [document];
}

function readItem(item: unknown, index: number, request: FormatRequest): Item {
  if (item instanceof Rejection) return item;
  const { now, business } = request;
  if (business === undefined) return new Rejection('T1101', 'the source must define a business');
  const read = readAlert(item instanceof WebhookAlert ? item.alert : item, index, { now, business, id: `${request.requestId}-${index}` });
  if (read instanceof AlertProblem) return new Rejection(read.reason, read.message);
  const raw = item instanceof WebhookAlert && read.raw_data.timeout ? { ...read.raw_data, endsAt: now + WEBHOOK_LEASE_MS } : read.raw_data;
  return { event: { ...read, raw_data: raw }, clamped: false };
}
