/** BLAKE3's compression function, with the initial vector handed in. https://github.com/BLAKE3-team/BLAKE3-specs */

export interface Counter {
  readonly low: number
  readonly high: number
}

export interface Compression {
  /** 16 words. */
  readonly block: Int32Array
  /** Bytes of the block that count. */
  readonly length: number
  readonly flags: number
  readonly counter: Counter
  readonly initial: Int32Array
}

/** Which word of the block each half of a mixing step takes, for all seven rounds. */
const schedule = Uint8Array.of(
  0,
  1,
  2,
  3,
  4,
  5,
  6,
  7,
  8,
  9,
  10,
  11,
  12,
  13,
  14,
  15,
  2,
  6,
  3,
  10,
  7,
  0,
  4,
  13,
  1,
  11,
  12,
  5,
  9,
  14,
  15,
  8,
  3,
  4,
  10,
  12,
  13,
  2,
  7,
  14,
  6,
  5,
  9,
  0,
  11,
  15,
  8,
  1,
  10,
  7,
  12,
  9,
  14,
  3,
  13,
  15,
  4,
  0,
  11,
  2,
  5,
  8,
  1,
  6,
  12,
  13,
  9,
  11,
  15,
  10,
  14,
  8,
  7,
  2,
  5,
  3,
  0,
  1,
  6,
  4,
  9,
  14,
  11,
  5,
  8,
  12,
  15,
  1,
  13,
  3,
  0,
  10,
  2,
  6,
  4,
  7,
  11,
  15,
  5,
  0,
  1,
  9,
  8,
  6,
  14,
  10,
  2,
  12,
  3,
  4,
  7,
  13,
)

/** Replaces the 8 chaining words by the next ones. */
export function compress(chain: Int32Array, { block, length, flags, counter, initial }: Compression): void {
  let v0 = chain[0] as number
  let v1 = chain[1] as number
  let v2 = chain[2] as number
  let v3 = chain[3] as number
  let v4 = chain[4] as number
  let v5 = chain[5] as number
  let v6 = chain[6] as number
  let v7 = chain[7] as number
  let v8 = initial[0] as number
  let v9 = initial[1] as number
  let v10 = initial[2] as number
  let v11 = initial[3] as number
  let v12 = counter.low
  let v13 = counter.high
  let v14 = length
  let v15 = flags
  for (let at = 0; at < schedule.length; at += 16) {
    let x = 0
    let y = 0
    x = block[schedule[at] as number] as number
    y = block[schedule[at + 1] as number] as number
    v0 = (v0 + v4 + x) | 0
    v12 ^= v0
    v12 = (v12 >>> 16) | (v12 << 16)
    v8 = (v8 + v12) | 0
    v4 ^= v8
    v4 = (v4 >>> 12) | (v4 << 20)
    v0 = (v0 + v4 + y) | 0
    v12 ^= v0
    v12 = (v12 >>> 8) | (v12 << 24)
    v8 = (v8 + v12) | 0
    v4 ^= v8
    v4 = (v4 >>> 7) | (v4 << 25)
    x = block[schedule[at + 2] as number] as number
    y = block[schedule[at + 3] as number] as number
    v1 = (v1 + v5 + x) | 0
    v13 ^= v1
    v13 = (v13 >>> 16) | (v13 << 16)
    v9 = (v9 + v13) | 0
    v5 ^= v9
    v5 = (v5 >>> 12) | (v5 << 20)
    v1 = (v1 + v5 + y) | 0
    v13 ^= v1
    v13 = (v13 >>> 8) | (v13 << 24)
    v9 = (v9 + v13) | 0
    v5 ^= v9
    v5 = (v5 >>> 7) | (v5 << 25)
    x = block[schedule[at + 4] as number] as number
    y = block[schedule[at + 5] as number] as number
    v2 = (v2 + v6 + x) | 0
    v14 ^= v2
    v14 = (v14 >>> 16) | (v14 << 16)
    v10 = (v10 + v14) | 0
    v6 ^= v10
    v6 = (v6 >>> 12) | (v6 << 20)
    v2 = (v2 + v6 + y) | 0
    v14 ^= v2
    v14 = (v14 >>> 8) | (v14 << 24)
    v10 = (v10 + v14) | 0
    v6 ^= v10
    v6 = (v6 >>> 7) | (v6 << 25)
    x = block[schedule[at + 6] as number] as number
    y = block[schedule[at + 7] as number] as number
    v3 = (v3 + v7 + x) | 0
    v15 ^= v3
    v15 = (v15 >>> 16) | (v15 << 16)
    v11 = (v11 + v15) | 0
    v7 ^= v11
    v7 = (v7 >>> 12) | (v7 << 20)
    v3 = (v3 + v7 + y) | 0
    v15 ^= v3
    v15 = (v15 >>> 8) | (v15 << 24)
    v11 = (v11 + v15) | 0
    v7 ^= v11
    v7 = (v7 >>> 7) | (v7 << 25)
    x = block[schedule[at + 8] as number] as number
    y = block[schedule[at + 9] as number] as number
    v0 = (v0 + v5 + x) | 0
    v15 ^= v0
    v15 = (v15 >>> 16) | (v15 << 16)
    v10 = (v10 + v15) | 0
    v5 ^= v10
    v5 = (v5 >>> 12) | (v5 << 20)
    v0 = (v0 + v5 + y) | 0
    v15 ^= v0
    v15 = (v15 >>> 8) | (v15 << 24)
    v10 = (v10 + v15) | 0
    v5 ^= v10
    v5 = (v5 >>> 7) | (v5 << 25)
    x = block[schedule[at + 10] as number] as number
    y = block[schedule[at + 11] as number] as number
    v1 = (v1 + v6 + x) | 0
    v12 ^= v1
    v12 = (v12 >>> 16) | (v12 << 16)
    v11 = (v11 + v12) | 0
    v6 ^= v11
    v6 = (v6 >>> 12) | (v6 << 20)
    v1 = (v1 + v6 + y) | 0
    v12 ^= v1
    v12 = (v12 >>> 8) | (v12 << 24)
    v11 = (v11 + v12) | 0
    v6 ^= v11
    v6 = (v6 >>> 7) | (v6 << 25)
    x = block[schedule[at + 12] as number] as number
    y = block[schedule[at + 13] as number] as number
    v2 = (v2 + v7 + x) | 0
    v13 ^= v2
    v13 = (v13 >>> 16) | (v13 << 16)
    v8 = (v8 + v13) | 0
    v7 ^= v8
    v7 = (v7 >>> 12) | (v7 << 20)
    v2 = (v2 + v7 + y) | 0
    v13 ^= v2
    v13 = (v13 >>> 8) | (v13 << 24)
    v8 = (v8 + v13) | 0
    v7 ^= v8
    v7 = (v7 >>> 7) | (v7 << 25)
    x = block[schedule[at + 14] as number] as number
    y = block[schedule[at + 15] as number] as number
    v3 = (v3 + v4 + x) | 0
    v14 ^= v3
    v14 = (v14 >>> 16) | (v14 << 16)
    v9 = (v9 + v14) | 0
    v4 ^= v9
    v4 = (v4 >>> 12) | (v4 << 20)
    v3 = (v3 + v4 + y) | 0
    v14 ^= v3
    v14 = (v14 >>> 8) | (v14 << 24)
    v9 = (v9 + v14) | 0
    v4 ^= v9
    v4 = (v4 >>> 7) | (v4 << 25)
  }
  chain[0] = v0 ^ v8
  chain[1] = v1 ^ v9
  chain[2] = v2 ^ v10
  chain[3] = v3 ^ v11
  chain[4] = v4 ^ v12
  chain[5] = v5 ^ v13
  chain[6] = v6 ^ v14
  chain[7] = v7 ^ v15
}
