import { MethodDecoration } from '../shared/discovery.service.js';

/** A detail of /health/ready; `degraded`: the process works, but not as well as it should. */
export interface ReadinessState {
  readonly degraded: boolean;
  readonly [detail: string]: unknown;
}

export const readinessDetail = new MethodDecoration<string, () => ReadinessState | undefined>('readiness detail');

/** Shows what the method answers under a name in /health/ready. It never makes the process unready; undefined shows nothing. */
export const ReadinessDetail = (name: string) => readinessDetail.with(name);
