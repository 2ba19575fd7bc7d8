import { send } from './http.ts'

/** The text of the newest letter to `address`, from the page that shows mail in development. */
export async function newestMail(url: string, address: string): Promise<string> {
  const page = await send(url, { method: 'GET', path: '/mail', headers: { accept: 'text/html' } })
  const html = Buffer.from(page.bytes).toString()
  const letters = html.match(/<article[\s\S]*?<\/article>/g) ?? []
  const letter = letters.find(one => one.includes(`to ${address},`))
  if (letter === undefined)
    throw new Error(`no letter to ${address} on /mail: ${page.status} ${html.slice(0, 2000)}`)
  return letter.replace(/<[^>]*>/g, ' ')
}
