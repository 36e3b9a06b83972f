/** Names of the severities: 1 is the most severe. */
export const severityNames = { 1: 'fatal', 2: 'warning', 3: 'remind' } as const;
