/** Pictures made small enough to send: drawn anew, which also leaves behind where and with what they were taken. */
import type { Media } from '@leaf/skrepka/payload'

const bytesMax = 1024 * 1024
/** Pixels of the longer side, tried in turn until the picture is small enough. */
const sides = [1600, 1280, 960, 640] as const
const qualities = [0.85, 0.7, 0.5] as const

/** A picture of at most 1 MiB; undefined when the file is none that the browser can draw. */
export async function pictureOf(
  file: Blob,
  longest: readonly number[] = sides,
  most = bytesMax,
): Promise<Media | undefined> {
  const drawn = await createImageBitmap(file).catch(() => undefined)
  if (drawn === undefined) return undefined
  try {
    for (const side of longest) {
      for (const quality of qualities) {
        const media = await draw(drawn, side, quality)
        if (media !== undefined && media.data.length <= most) return media
      }
    }
    return undefined
  } finally {
    drawn.close()
  }
}

async function draw(drawn: ImageBitmap, side: number, quality: number): Promise<Media | undefined> {
  const scale = Math.min(1, side / Math.max(drawn.width, drawn.height))
  const canvas = document.createElement('canvas')
  canvas.width = Math.max(1, Math.round(drawn.width * scale))
  canvas.height = Math.max(1, Math.round(drawn.height * scale))
  const context = canvas.getContext('2d')
  if (context === null) return undefined
  // What is transparent would turn black.
  context.fillStyle = '#fff'
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.drawImage(drawn, 0, 0, canvas.width, canvas.height)
  const blob = await new Promise<Blob | null>(resolve => canvas.toBlob(resolve, 'image/jpeg', quality))
  if (blob === null) return undefined
  return {
    mime: 'image/jpeg',
    data: new Uint8Array(await blob.arrayBuffer()),
    width: canvas.width,
    height: canvas.height,
  }
}

/** The address of picture bytes for an `img`; given back with `URL.revokeObjectURL` once it is shown. */
export function pictureUrl(data: Uint8Array, mime: string): string {
  return URL.createObjectURL(new Blob([Uint8Array.from(data)], { type: mime }))
}
