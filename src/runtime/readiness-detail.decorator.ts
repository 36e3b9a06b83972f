import { MethodDecoration } from '../shared/discovery.service.js';

/** A detail of /health/ready; `degraded`: the process works, but with restrictions. */
export interface ReadinessState {
  readonly degraded: boolean;
  readonly [detail: string]: unknown;
}

export const readinessDetail = new MethodDecoration<string, () => ReadinessState | undefined>('readiness detail');

/** Shows the result of the method under a name in /health/ready. It never makes the process unready; undefined is omitted. */
export const ReadinessDetail = (name: string) => readinessDetail.with(name);
