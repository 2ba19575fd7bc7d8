/** Mail goes out through one port: SMTP in production, a page in development. */

export interface Letter {
  /** One address. */
  readonly to: string
  readonly subject: string
  /** Plain text. */
  readonly text: string
}

export interface Mail {
  /** Resolves once the letter was handed over. Throws Refusal 'upstream' when it could not be. */
  send(letter: Letter): Promise<void>
}
