/** What an L2 operation came to when L2 could not do it. */
export const away = Symbol('away');
export type Away = typeof away;
