/** Faults that somebody could make: each a small change of our relay, which the rules, scenarios or worlds must notice. */

export interface Mutant {
  readonly name: string
  readonly edits: readonly Edit[]
}

export interface Edit {
  /** Under `server/skrepka/`. */
  readonly file: string
  readonly find: string
  readonly replace: string
}

export const mutants: readonly Mutant[] = [
  {
    name: 'any cursor acknowledges',
    edits: [
      {
        file: 'mailbox/collect.ts',
        find: 'if (rules.strictSeedAck || isGiven) {',
        replace: 'if (number > 0) {',
      },
    ],
  },
  {
    name: 'a cursor acknowledges up to what was delivered, wherever it comes from',
    edits: [
      {
        file: 'mailbox/collect.ts',
        find: 'if (rules.strictSeedAck || isGiven) {',
        replace:
          "const shown = await tx.get<{ m: number | null }>('SELECT MAX(seq) AS m FROM skrepka_message WHERE box = $1 AND given IS NOT NULL', [box.id])\n    if ((shown?.m ?? 0) > 0 && number >= (shown?.m ?? 0)) {",
      },
    ],
  },
  {
    name: 'a given cursor is forgotten',
    edits: [
      {
        file: 'mailbox/collect.ts',
        find: 'if (event.given !== box.shift) await markGiven(',
        replace: 'if (event.given === -1) await markGiven(',
      },
    ],
  },
  {
    name: 'an ack leaves its last message',
    edits: [
      {
        file: 'database/messages.ts',
        find: 'WHERE box = $1 AND seq <= $2 RETURNING seq, size, blob_ref',
        replace: 'WHERE box = $1 AND seq < $2 RETURNING seq, size, blob_ref',
      },
    ],
  },
  {
    name: 'an ack takes one message too many',
    edits: [
      {
        file: 'database/messages.ts',
        find: 'WHERE box = $1 AND seq <= $2 RETURNING seq, size, blob_ref',
        replace: 'WHERE box = $1 AND seq <= $2 + 1 RETURNING seq, size, blob_ref',
      },
    ],
  },
  {
    name: 'what was seen is forgotten with its ack',
    edits: [
      {
        file: 'mailbox/collect.ts',
        find: 'takeOut(box, removed)\n    box.acked',
        replace:
          "takeOut(box, removed)\n    await tx.run('DELETE FROM skrepka_seen WHERE box = $1', [box.id])\n    box.acked",
      },
    ],
  },
  {
    name: 'pages are not ascending',
    edits: [
      {
        file: 'database/messages.ts',
        find: 'WHERE box = $1 AND seq > $2 AND stored_at > $3 ORDER BY seq LIMIT $4',
        replace: 'WHERE box = $1 AND seq > $2 AND stored_at > $3 ORDER BY hash LIMIT $4',
      },
    ],
  },
  {
    name: 'a page’s cursor is that of the whole mailbox',
    edits: [
      {
        file: 'mailbox/collect.ts',
        find: 'cursor: last.seq + box.shift }',
        replace: 'cursor: box.last + box.shift }',
      },
    ],
  },
  {
    name: 'sends are answered before they are stored',
    edits: [
      {
        file: 'mailbox/send-lane.ts',
        find: 'waiting.push({ batch, resolve, reject })',
        replace:
          "waiting.push({ batch, resolve, reject })\n        resolve({ kind: 'taken', messages: batch.map(() => 'duplicate' as const) })",
      },
    ],
  },
  {
    name: 'nobody is woken',
    edits: [
      {
        file: 'mailbox/send-lane.ts',
        find: 'deps.stored(stored, servers)',
        replace: 'deps.stored([], servers)',
      },
    ],
  },
  {
    name: 'mail is forwarded only when its recipient shows up',
    edits: [
      {
        file: 'mailbox/send-lane.ts',
        find: 'stored.length === 0 ? [] : await stage(tx, stored)',
        replace: 'stored.length >= 0 ? [] : await stage(tx, stored)',
      },
    ],
  },
  {
    name: 'one sender may fill a mailbox',
    edits: [
      {
        file: 'mailbox/append.ts',
        find: 'share.count + own.count + 1 > rules.shareMessagesMax ||',
        replace: '',
      },
    ],
  },
  {
    name: 'mail comes in any order of numbers',
    edits: [
      {
        file: 'mailbox/append.ts',
        find: 'const seq = Math.max(nowMs - box.shift, box.last + 1)',
        replace:
          'const seq = Math.max(nowMs - box.shift, box.acked + 1 + ((hash[0] ?? 0) << 8) + (hash[1] ?? 0))',
      },
    ],
  },
  {
    name: 'a challenge can be used again',
    edits: [
      {
        file: 'auth/login.ts',
        find: 'if (!(await useChallenge(tx, challenge, row.createdAt + 2 * settings.challengeExpiry))) return undefined',
        replace: 'await useChallenge(tx, challenge, row.createdAt + 2 * settings.challengeExpiry)',
      },
    ],
  },
  {
    name: 'a token works from anywhere',
    edits: [
      {
        file: 'auth/sessions.ts',
        find: "(session.address === '' || session.address === addresses.bind(from.address, from.forwarded))",
        replace: 'addresses.bind(from.address, from.forwarded).length >= 0',
      },
    ],
  },
  {
    name: 'logins are limited by the key alone',
    edits: [{ file: 'middleware/limits.ts', find: 'pair.take(`${from} ${key}`)', replace: 'pair.take(key)' }],
  },
  {
    name: 'presence without proof is believed where proofs are required',
    edits: [
      {
        file: 'mesh/gossip-in.ts',
        find: "if (!isProven && (policy === 'require' || standing?.proofAt !== undefined)) return false",
        replace: 'if (!isProven && standing?.proofAt !== undefined) return false',
      },
      {
        file: 'mesh/gossip-in.ts',
        find: "const counts = proven || (policy !== 'require' && claims",
        replace: 'const counts = proven || (claims',
      },
      {
        file: 'mesh/delivery.ts',
        find: 'unproven: peers.mayGetUnproven(server),',
        replace: 'unproven: true,',
      },
    ],
  },
  {
    name: 'a proof for one relay counts for another',
    edits: [
      {
        file: 'mesh/proof.ts',
        find: "if (!commitment.equals(bytes.subarray(10))) return { kind: 'foreign' }",
        replace: "if (commitment.length === 0) return { kind: 'foreign' }",
      },
    ],
  },
  {
    name: 'the signature of a proof is not checked',
    edits: [
      {
        file: 'mesh/proof.ts',
        find: "return signed ? { kind: 'valid', atMs } : { kind: 'forged' }",
        replace: "return signed || key.length > 0 ? { kind: 'valid', atMs } : { kind: 'forged' }",
      },
    ],
  },
  {
    name: 'strangers get mail beyond their budget',
    edits: [
      {
        file: 'mesh/delivery.ts',
        find: '!budget.spend(server, forward.bytes)',
        replace: '!(budget.spend(server, forward.bytes) || forward.bytes >= 0)',
      },
    ],
  },
  {
    name: 'a recipient who is absent counts as served',
    edits: [
      {
        file: 'mesh/forward-call.ts',
        find: "if (result.status === 'no_presence') return { kind: 'absent' }",
        replace: "if (result.status === 'no_presence') return { kind: 'taken' }",
      },
    ],
  },
  {
    name: 'a proxy’s answer counts as a peer’s',
    edits: [
      {
        file: 'mesh/forward-call.ts',
        find: "if ((status === 400 || status === 413) && said !== undefined) return one({ kind: 'refused' })",
        replace: "if (status === 400 || status === 413) return one({ kind: 'refused' })",
      },
    ],
  },
  {
    name: 'what rests is not taken up again',
    edits: [{ file: 'mesh/staging.ts', find: 'await wakeResting(tx, presence.server, box)', replace: '' }],
  },
  {
    name: 'mail that waited is not planned when its recipient shows up',
    edits: [
      {
        file: 'mesh/staging.ts',
        find: 'return (await catchUp(tx, { ...presence, box })) > 0',
        replace: 'return presence.staged < 0 && (await catchUp(tx, { ...presence, box })) > 0',
      },
    ],
  },
  {
    name: 'gossip is not cut into pieces',
    edits: [
      {
        file: 'mesh/gossip-out.ts',
        find: 'const limit = settings.maxGossipEvents',
        replace: 'const limit = settings.maxGossipEvents * 100',
      },
    ],
  },
  {
    name: 'a presence from ahead of the clock stays',
    edits: [
      {
        file: 'mesh/own-presence.ts',
        find: 'const isFromAhead = before?.proofAt !== undefined && before.proofAt > nowMs',
        replace: 'const isFromAhead = before?.proofAt !== undefined && before.proofAt > nowMs * 2',
      },
    ],
  },
]
