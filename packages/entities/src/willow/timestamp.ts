/**
 * Timestamps: microseconds of TAI since J2000 (2000-01-01T12:00:00 TT, which is 11:58:55.816 UTC).
 * https://willowprotocol.org/specs/willow25/index.html
 */

/** J2000 in microseconds since 1970, UTC. */
const j2000UnixUs = 946_727_935_816_000n
/** TAI − UTC was 32 s at J2000, and has been 37 s since 2017-01-01; no leap second has been announced since. */
const leapSecondsSinceJ2000Us = 5_000_000n

/** A moment (milliseconds since 1970, UTC; from 2017 on) as a timestamp. Earlier moments than J2000 give 0. */
export function timestampOf(unixMs: number): bigint {
  const timestamp = BigInt(Math.round(unixMs * 1000)) - j2000UnixUs + leapSecondsSinceJ2000Us
  return timestamp < 0n ? 0n : timestamp
}

/** The moment of a timestamp, in milliseconds since 1970; for people. */
export function unixMsOf(timestamp: bigint): number {
  return Number(timestamp + j2000UnixUs - leapSecondsSinceJ2000Us) / 1000
}

/** A timestamp for a new entry: now, or just after the newest one that it must win over. */
export function nextTimestamp(unixMs: number, newest: bigint | undefined): bigint {
  const now = timestampOf(unixMs)
  return newest !== undefined && newest >= now ? newest + 1n : now
}
