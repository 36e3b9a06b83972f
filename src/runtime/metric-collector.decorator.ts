import { MethodDecoration } from '../shared/discovery.service.js';

export const metricCollector = new MethodDecoration<true, () => void | Promise<void>>('metric collector');

/** Runs the method before every scrape, to update metrics. */
export const MetricCollector = () => metricCollector.with(true);
