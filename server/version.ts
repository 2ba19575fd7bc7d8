/** The version that Leaf tells of itself. */
export const version = '0.1.0'
