import { MethodDecoration } from '../shared/discovery.service.js';

export const metricCollector = new MethodDecoration<true, () => void | Promise<void>>('metric collector');

/** The method brings metrics up to date before every scrape. */
export const MetricCollector = () => metricCollector.with(true);
