/** One judgement of a value, compiled from its configuration. */
export interface Algorithm {
  anomalous(value: number): boolean;
  /** What makes the value anomalous, in words about `subject`, such as `avg(cpu) > 80`; undefined when nothing does. */
  explain(subject: string, value: number): string | undefined;
}
