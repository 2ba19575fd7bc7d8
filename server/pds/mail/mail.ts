/** Mail goes out through one port: SMTP in production, a page in development. */

/** A letter to one person. */
export interface Letter {
  /** One address. */
  readonly to: string
  readonly subject: string
  /** Plain text. */
  readonly text: string
}

/** Where letters are handed over. */
export interface Mail {
  /** Resolves once the letter was handed over. Throws Refusal 'upstream' when it could not be. */
  send(letter: Letter): Promise<void>
}
