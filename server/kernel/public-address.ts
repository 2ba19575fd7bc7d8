/**
 * Which IP addresses the server may be made to call: public unicast ones only.
 * https://www.iana.org/assignments/iana-ipv4-special-registry, https://www.iana.org/assignments/iana-ipv6-special-registry
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net'

const forbidden4 = blockList('ipv4', [
  ['0.0.0.0', 8], // this network
  ['10.0.0.0', 8], // private
  ['100.64.0.0', 10], // carrier-grade NAT
  ['127.0.0.0', 8], // loopback
  ['169.254.0.0', 16], // link-local; cloud metadata
  ['172.16.0.0', 12], // private
  ['192.0.0.0', 24], // IETF protocol assignments
  ['192.0.2.0', 24], // documentation
  ['192.31.196.0', 24], // AS112
  ['192.52.193.0', 24], // AMT
  ['192.88.99.0', 24], // 6to4 relays
  ['192.168.0.0', 16], // private
  ['192.175.48.0', 24], // AS112
  ['198.18.0.0', 15], // benchmarking
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, broadcast
])

/** Only this block is public unicast in IPv6; loopback, unique local, link-local and multicast lie outside of it. */
const global6 = blockList('ipv6', [['2000::', 3]])
const forbidden6 = blockList('ipv6', [
  ['2001::', 23], // IETF protocol assignments: Teredo, ORCHID, benchmarking, AMT, AS112
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4: carries an IPv4 address of anyone's choice
  ['2620:4f:8000::', 48], // AS112
  ['3fff::', 20], // documentation
])

const loopback4 = blockList('ipv4', [['127.0.0.0', 8]])

/** Whether this is a public unicast address. IPv4 inside IPv6 (mapped, NAT64) is judged by the IPv4 address. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !forbidden4.check(address, 'ipv4')
  const inner = embedded4(address)
  if (inner !== undefined) return isPublicAddress(inner)
  return isIPv6(address) && global6.check(address, 'ipv6') && !forbidden6.check(address, 'ipv6')
}

const private4 = blockList('ipv4', [
  ['10.0.0.0', 8],
  ['127.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
])
const private6 = blockList('ipv6', [['fc00::', 7]])

/** Whether this is an address of one machine or of a private network: not link-local ones, where clouds keep secrets. */
export function isPrivateAddress(address: string): boolean {
  if (isIPv4(address)) return private4.check(address, 'ipv4')
  const inner = embedded4(address)
  if (inner !== undefined) return isPrivateAddress(inner)
  if (isLoopbackAddress(address)) return true
  return isIPv6(address) && !address.includes('%') && private6.check(address, 'ipv6')
}

/** Whether this is 127.0.0.0/8, ::1, or the former mapped into IPv6. */
export function isLoopbackAddress(address: string): boolean {
  if (isIPv4(address)) return loopback4.check(address, 'ipv4')
  const words = wordsOf(address)
  if (words === undefined) return false
  if (words.every((word, at) => word === (at === 7 ? 1 : 0))) return true
  const inner = embedded4(address)
  return inner !== undefined && isLoopbackAddress(inner)
}

/** The IPv4 address in ::ffff:0:0/96 (mapped) and 64:ff9b::/96 (NAT64). */
function embedded4(address: string): string | undefined {
  const words = wordsOf(address)
  if (words === undefined) return undefined
  const head = words.slice(0, 6).join(':')
  if (head !== '0:0:0:0:0:65535' && head !== '100:65435:0:0:0:0') return undefined
  const [high = 0, low = 0] = words.slice(6)
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/** The eight 16-bit words of an IPv6 address; undefined when it is none. */
function wordsOf(address: string): readonly number[] | undefined {
  if (!isIPv6(address) || address.includes('%')) return undefined
  // The URL parser writes every spelling (`::ffff:1.2.3.4` too) in hexadecimal groups.
  const host = URL.parse(`http://[${address}]/`)?.hostname.slice(1, -1)
  if (host === undefined) return undefined
  const [left = '', right] = host.split('::')
  const before = groups(left)
  const after = right === undefined ? [] : groups(right)
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0)
  return [...before, ...zeros, ...after]
}

function groups(part: string): readonly number[] {
  return part === '' ? [] : part.split(':').map(group => Number.parseInt(group, 16))
}

function blockList(family: 'ipv4' | 'ipv6', blocks: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList()
  for (const [net, prefix] of blocks) list.addSubnet(net, prefix, family)
  return list
}
