/**
 * Whom limits by address count as one: an IPv4 address, or the /64 that an IPv6 customer has to herself, as its four
 * groups without leading zeros (`2001:db8:0:1`). `address` is a plain one, as requests' contexts have it.
 */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const [left = '', right] = address.split('::')
  const before = groupsOf(left)
  const after = groupsOf(right ?? '')
  const zeros = Math.max(0, 8 - before.length - after.length)
  const groups = right === undefined ? before : [...before, ...Array<string>(zeros).fill('0'), ...after]
  return groups
    .slice(0, 4)
    .map(group => group.toLowerCase().replace(/^0+(?=.)/, ''))
    .join(':')
}

function groupsOf(part: string): readonly string[] {
  return part === '' ? [] : part.split(':')
}
