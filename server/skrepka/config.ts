/** The relay's settings: the seed's constants under their own names, and ours. */
export const skrepkaSettings = {}
export type SkrepkaSettings = Record<string, never>
