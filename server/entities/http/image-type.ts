/** The media type of a raster image, by its first bytes; undefined: it is none that browsers show safely. */
export function imageTypeOf(bytes: Uint8Array): string | undefined {
  const latin = Buffer.from(bytes.subarray(0, 16)).toString('latin1')
  if (latin.startsWith('\x89PNG\r\n\x1a\n')) return 'image/png'
  if (latin.startsWith('\xff\xd8\xff')) return 'image/jpeg'
  if (latin.startsWith('GIF87a') || latin.startsWith('GIF89a')) return 'image/gif'
  if (latin.startsWith('RIFF') && latin.slice(8, 12) === 'WEBP') return 'image/webp'
  if (latin.slice(4, 8) === 'ftyp' && /^avi[fs]$/.test(latin.slice(8, 12))) return 'image/avif'
  return undefined
}
