/** Numeric comparisons that conditions and algorithms share. NaN fulfils none of them. */
export const comparisons = ['gt', 'gte', 'lt', 'lte', 'eq', 'neq'] as const;
