/** Something that is passed while it is open. */
export function createGate() {
  let closed: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined
  return {
    isOpen: () => closed === undefined,
    close: () => {
      closed ??= Promise.withResolvers<void>()
    },
    open: () => {
      closed?.resolve()
      closed = undefined
    },
    passed: (): Promise<void> => closed?.promise ?? Promise.resolve(),
  }
}
