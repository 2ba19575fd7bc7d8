/**
 * Areas of delegations, told by the area before them and by the entry that they are there for.
 * https://willowprotocol.org/specs/encodings/index.html#enc_private_areas
 */
import { tagOf } from '@leaf/codec/compact-u64'
import { MalformedError } from '@leaf/codec/errors'
import { type Area, areaIncludesArea, readTime, timeDifferences } from '../willow/area.ts'
import { idBytes } from '../willow/entry.ts'
import {
  equalBytes,
  isPrefix,
  type Path,
  readPathExtends,
  sharedComponents,
  writePathExtends,
} from '../willow/path.ts'
import { lengthOf, type WillowReader, type WillowWriter } from '../willow/wire.ts'

const subspaceDiffers = 0x80
const subspaceIsAny = 0x40
const startFromStart = 0x20
const endFromStart = 0x10

/** Whether `outer` includes `inner`, but for the subspace where one of them has any. */
function almostIncludes(outer: Area, inner: Area): boolean {
  const either = outer.subspace === undefined || inner.subspace === undefined
  return areaIncludesArea(either ? { ...outer, subspace: inner.subspace } : outer, inner)
}

function sameSubspace(a: Area, b: Area): boolean {
  if (a.subspace === undefined || b.subspace === undefined) return a.subspace === b.subspace
  return equalBytes(a.subspace, b.subspace)
}

/** `path` is that of the entry, which both areas include. Throws RangeError when `outer` does not almost include `inner`. */
export function writePrivateArea(writer: WillowWriter, inner: Area, outer: Area, path: Path): void {
  if (!almostIncludes(outer, inner)) throw new RangeError('expected an area almost within the one around it')
  const differs = !sameSubspace(inner, outer)
  const times = timeDifferences(inner.times, outer.times)
  writer.u8(
    (differs ? subspaceDiffers : 0) |
      (inner.subspace === undefined ? subspaceIsAny : 0) |
      (times.startFromStart ? startFromStart : 0) |
      (times.endFromStart ? endFromStart : 0) |
      ((tagOf(times.start, 2) & 3) << 2) |
      (times.end === undefined ? 0 : tagOf(times.end, 2) & 3),
  )
  if (differs && inner.subspace !== undefined) writer.raw(inner.subspace)
  writer.compact(times.start, 2)
  if (times.end !== undefined) writer.compact(times.end, 2)
  writePrivatePath(writer, inner.path, outer.path, path)
}

/** Throws MalformedError. */
export function readPrivateArea(reader: WillowReader, outer: Area, path: Path): Area {
  const begin = reader.at
  const header = reader.u8()
  const any = (header & subspaceIsAny) !== 0
  const subspace =
    (header & subspaceDiffers) === 0 ? outer.subspace : any ? undefined : reader.raw(idBytes).slice()
  const start = readTime(reader, (header >> 2) & 3, (header & startFromStart) !== 0, outer.times)
  const open = outer.times.end === undefined && (header & endFromStart) === 0
  const end = open ? undefined : readTime(reader, header & 3, (header & endFromStart) !== 0, outer.times)
  const area: Area = { subspace, path: readPrivatePath(reader, outer.path, path), times: { start, end } }
  const valid =
    any === (subspace === undefined) &&
    ((header & subspaceDiffers) !== 0) === !sameSubspace(area, outer) &&
    (open ? (header & 3) === 0 : end !== undefined && end > start)
  if (!valid || !almostIncludes(outer, area))
    throw new MalformedError('expected an area almost within the one around it', begin)
  return area
}

/** `EncodePrivatePathExtendsPath`: what a path shares with the entry's is told by its length alone. */
function writePrivatePath(writer: WillowWriter, path: Path, prefix: Path, entryPath: Path): void {
  if (entryPath.length <= prefix.length) {
    writePathExtends(writer, path, prefix)
    return
  }
  const shared = sharedComponents(path, entryPath)
  writer.c64(BigInt(shared))
  if (shared >= entryPath.length) writePathExtends(writer, path, entryPath)
}

function readPrivatePath(reader: WillowReader, prefix: Path, entryPath: Path): Path {
  if (entryPath.length <= prefix.length) return readPathExtends(reader, prefix)
  const begin = reader.at
  const shared = lengthOf(reader.c64(), entryPath.length, 'shared components', begin)
  const path = shared < entryPath.length ? entryPath.slice(0, shared) : readPathExtends(reader, entryPath)
  if (!isPrefix(prefix, path)) throw new MalformedError('expected a path that goes on from its prefix', begin)
  return path
}
