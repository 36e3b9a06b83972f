import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';

/** An expression that is shipped, and where it stands. */
export interface Expression {
  readonly where: string;
  readonly expr: string;
}

/** A metric that an expression names, with the labels it selects by. */
export interface Selector {
  readonly metric: string;
  readonly labels: readonly string[];
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}
interface Dashboard {
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
}

export const dashboardFiles = (): string[] => readdirSync('deploy/grafana').map((name) => join('deploy/grafana', name));

/** Every expression of deploy/grafana, as Grafana sends it when everything is selected. */
export function dashboardExpressions(): Expression[] {
  return dashboardFiles().flatMap((file) => {
    const { panels, templating } = JSON.parse(readFileSync(file, 'utf8')) as Dashboard;
    const asked = panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => ({ where: `${basename(file)}: ${title}`, expr: filledIn(expr) })),
    );
    const variables = templating.list.flatMap(({ name, definition }) => {
      const [, selector] = /^label_values\((.*), \w+\)$/.exec(definition ?? '') ?? [];
      return selector ? [{ where: `${basename(file)}: $${name}`, expr: filledIn(selector) }] : [];
    });
    return [...asked, ...variables];
  });
}

const filledIn = (expr: string): string => expr.replaceAll('$__rate_interval', '10s').replaceAll(/\$(job|instance)\b/g, '.*');

/** Every expression of the alert rules. */
export function ruleExpressions(): Expression[] {
  const { groups } = parse(readFileSync('deploy/prometheus/rules.yml', 'utf8')) as {
    groups: { rules: { alert: string; expr: string }[] }[];
  };
  return groups.flatMap(({ rules }) => rules.map(({ alert, expr }) => ({ where: `rules.yml: ${alert}`, expr })));
}

/** The metrics that an expression selects. */
export function selectorsOf(expr: string): Selector[] {
  const found = expr.matchAll(/\b(up|(?:tocsin|nodejs|process|alertmanager)_\w+)\s*(?:\{([^}]*)\})?/g);
  return [...found].map(([, metric, matchers]) => ({
    metric: metric!,
    labels: [...(matchers ?? '').matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label]) => label!),
  }));
}

/** The labels by which an expression groups or joins. */
export function groupingsOf(expr: string): string[] {
  const lists = [...expr.matchAll(/\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g)].map(([, list]) => list!);
  return lists.flatMap((list) => list.split(',').map((label) => label.trim())).filter(Boolean);
}

/** What a process says on /metrics: type by metric, and label names by metric as far as there are samples. */
export function readMetrics(text: string): {
  readonly types: ReadonlyMap<string, string>;
  readonly labels: ReadonlyMap<string, ReadonlySet<string>>;
} {
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name!, type!]));
  const labels = new Map<string, Set<string>>();
  for (const [, name, list] of text.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
    const known = labels.get(name!) ?? new Set<string>();
    labels.set(name!, known);
    for (const [, label] of (list ?? '').matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)) known.add(label!);
  }
  return { types, labels };
}
