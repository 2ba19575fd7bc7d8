/** A relay under the conformance suite, whether it is a model, ours in process or ours behind a socket. */

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  /** The body as JSON; undefined when it is none. */
  readonly json: Readonly<Record<string, unknown>> | undefined
}

export interface CallOptions {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** The client's address, as a trusted proxy tells it; null: no proxy tells one. */
  readonly address?: string | null
}

/** A request under way. */
export interface Pending {
  readonly answer: () => Answer | undefined
  readonly settled: Promise<Answer>
}

/** A call that a peer got from the relay. */
export interface PeerCall {
  readonly path: string
  readonly body: Readonly<Record<string, unknown>>
}

/** A peer of the seed's kind. */
export interface Peer {
  readonly name: string
  readonly address: string
  /** Calls that came, oldest first, without look-ups of what the seed's server does not have. */
  readonly calls: PeerCall[]
  /** What it answers from now on; undefined: nobody answers. */
  answers: ((call: PeerCall) => { readonly status: number; readonly body: string }) | undefined
}

export interface Subject {
  readonly serverHost: string
  /** The relay's wall clock. */
  now(): number
  begin(path: string, body: unknown, options?: CallOptions): Pending
  /** Waits for the answer. */
  call(path: string, body: unknown, options?: CallOptions): Promise<Answer>
  /** Lets time pass. */
  pass(ms: number): Promise<void>
  peer(): Promise<Peer>
}

/** Constants of the seed that a rule wants otherwise. */
export type Constants = Readonly<Record<string, number | boolean>>

export interface Host {
  readonly name: string
  readonly kind: 'seed' | 'leaf'
  /** Whether its time can be moved and its constants set. */
  readonly virtual: boolean
  open(constants: Constants): Promise<Subject>
}

/** A sentence of the contract, and how it is seen. */
export interface Rule {
  readonly title: string
  /** Needs time that can be moved. */
  readonly virtual?: true
  readonly constants?: Constants
  readonly run: (subject: Subject) => Promise<void>
}

/** Where ours answers otherwise on purpose. */
export interface Difference {
  readonly why: string
  /** What ours does instead; absent: nothing that could be seen from outside. */
  readonly run?: (subject: Subject) => Promise<void>
}
