import type { z } from 'zod';

/** A closed period of a series, as an algorithm sees it. Valid during the call only: the engine reuses the object. */
export interface AlgorithmPoint {
  readonly value: number;
  /** Start of the period (ms). */
  readonly time: number;
  /** Values of the same series at the points that the lookback names, in its order; undefined where the series has none. */
  readonly past: readonly (number | undefined)[];
}

/** Why a point is anomalous. */
export interface AlgorithmFinding {
  /** Machine-readable; the reason of the alert that the finding fires. */
  readonly reason: string;
  /** The finding in words about `subject`, such as `avg(cpu) > 80`. Called only for points that cause a message. */
  text(subject: string): string;
}

/** An algorithm with its configuration applied. */
export interface CompiledAlgorithm {
  /** Distances (ms) from the judged point back to the past points that the algorithm reads. */
  readonly lookback: readonly number[];
  /** Runs for every closed bucket: a point that is not anomalous must allocate nothing. */
  readonly judge: (point: AlgorithmPoint) => AlgorithmFinding | undefined;
}

/** A kind of judgement that strategies can configure. */
export interface Algorithm<Schema extends z.ZodType = z.ZodType> {
  /** Schema of `config` in a strategy. */
  readonly schema: Schema;
  /** Compiles a `config` that fits the schema; `interval` is the length of a period (ms). */
  compile(config: unknown, interval: number): CompiledAlgorithm;
}

/** Ties the schema of an algorithm's configuration to its behaviour. */
export function algorithm<Schema extends z.ZodType>(
  schema: Schema,
  compile: (config: z.output<Schema>, interval: number) => CompiledAlgorithm,
): Algorithm<Schema> {
  return { schema, compile: (config, interval) => compile(schema.parse(config), interval) };
}
