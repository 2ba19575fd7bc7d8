import type { Clock } from '../../kernel/clock.ts'
import type { SafeFetch } from '../../kernel/fetch.ts'
import { portHolder } from '../../kernel/http/port-holder.ts'
import { addressesOf, certificateOf } from '../../kernel/machine.ts'
import { type Finding, findingsOf, reasonOf } from './finding.ts'

export interface NetworkOptions {
  readonly publicUrl: string
  readonly port: number
  readonly handleDomains: readonly string[]
  readonly plcDirectoryUrl: string
  readonly clock: Clock
  readonly fetch: SafeFetch
}

const fetchMsMax = 5000

/** The port: free, taken by Leaf itself, or taken by somebody else. */
export async function examinePort(port: number, fetch: SafeFetch): Promise<Finding[]> {
  const { good, bad } = findingsOf('port')
  const holder = await portHolder(port)
  if (holder === undefined) return [good(`Port ${port} is free.`)]
  const answer = await fetch(`http://127.0.0.1:${port}/healthz`, { timeoutMs: fetchMsMax }).catch(
    () => undefined,
  )
  const who = `${holder.name} (process ${holder.pid})`
  return answer?.status === 200
    ? [good(`Leaf runs on port ${port}: ${who}.`)]
    : [bad(`Port ${port} is taken by ${who}: stop it, or set PDS_PORT to another one.`)]
}

const skewMsWarning = 5000
const skewMsBad = 30_000

/** The clock, against that of the PLC directory: tokens and revisions depend on it. */
export async function examineClock({ plcDirectoryUrl, clock, fetch }: NetworkOptions): Promise<Finding[]> {
  const { good, warning, bad } = findingsOf('clock')
  try {
    const { headers } = await fetch(`${plcDirectoryUrl}/_health`, { timeoutMs: fetchMsMax })
    const theirs = Date.parse(headers['date'] ?? '')
    if (Number.isNaN(theirs))
      return [warning(`${plcDirectoryUrl} does not tell its time, so the clock was not compared.`)]
    const skewMs = Math.abs(clock.now() - theirs)
    const sentence = `The clock of this machine is ${Math.round(skewMs / 1000)} s away from that of ${plcDirectoryUrl}`
    if (skewMs > skewMsBad)
      return [
        bad(`${sentence}: tokens of others will look expired or too new. Switch time synchronisation on.`),
      ]
    // The header has whole seconds only, and took a while to come.
    return [skewMs > skewMsWarning ? warning(`${sentence}.`) : good('The clock is right.')]
  } catch (error) {
    return [
      bad(`${plcDirectoryUrl} cannot be reached (${reasonOf(error)}): without it no account can be created.`),
    ]
  }
}

/** Names: the server's own, and any handle under the handle domains. */
export async function examineDns(
  { publicUrl, handleDomains }: NetworkOptions,
  sampleLabel: string,
): Promise<Finding[]> {
  const { good, warning, bad } = findingsOf('dns')
  const host = new URL(publicUrl).hostname
  const own = await addressesOf(host)
  if (own.length === 0) return [bad(`${host} has no address: add an A or AAAA record that points here.`)]
  const findings = [good(`${host} is ${own.join(', ')}.`)]
  for (const domain of handleDomains) {
    const sample = await addressesOf(`${sampleLabel}.${domain}`)
    if (sample.length === 0) {
      findings.push(
        bad(
          `Names under ${domain} have no address, so handles there will not resolve: add a record for *.${domain}.`,
        ),
      )
    } else if (!sample.some(address => own.includes(address))) {
      findings.push(warning(`Names under ${domain} are ${sample.join(', ')}, which is not where ${host} is.`))
    } else findings.push(good(`*.${domain} points to the same place.`))
  }
  return findings
}

const dayMs = 86_400_000
const certificateDaysLow = 14

/** Certificates: of the server, and of a handle under each handle domain. */
export async function examineTls(
  { publicUrl, handleDomains, clock }: NetworkOptions,
  sampleLabel: string,
): Promise<Finding[]> {
  const { good, warning, bad } = findingsOf('tls')
  const url = new URL(publicUrl)
  const port = Number(url.port === '' ? 443 : url.port)
  const names = [url.hostname, ...handleDomains.map(domain => `${sampleLabel}.${domain}`)]
  const findings: Finding[] = []
  for (const name of names) {
    const shown = name === url.hostname ? name : name.replace(sampleLabel, '*')
    try {
      const { validToMs, problem } = await certificateOf(name, port, name)
      const days = Math.floor((validToMs - clock.now()) / dayMs)
      if (problem !== undefined)
        findings.push(bad(`The certificate for ${shown} is not accepted by browsers: ${problem}.`))
      else if (days < certificateDaysLow)
        findings.push(warning(`The certificate for ${shown} ends in ${days} days.`))
      else findings.push(good(`The certificate for ${shown} is good for ${days} days.`))
    } catch (error) {
      findings.push(bad(`${shown} does not answer over TLS on port ${port} (${reasonOf(error)}).`))
    }
  }
  return findings
}

/** Whether the public address leads to a Leaf, through whatever stands in between. */
export async function examinePublicUrl({ publicUrl, fetch }: NetworkOptions): Promise<Finding[]> {
  const { good, warning } = findingsOf('public address')
  try {
    const { status, body } = await fetch(`${publicUrl}/xrpc/_health`, { timeoutMs: fetchMsMax })
    const healthy = status === 200 && Buffer.from(body).toString().includes('"version"')
    return [
      healthy
        ? good(`${publicUrl} leads here.`)
        : warning(
            `${publicUrl} answers with ${status}, not as Leaf does: does Leaf run, and does the proxy pass everything on?`,
          ),
    ]
  } catch (error) {
    return [
      warning(
        `${publicUrl} cannot be reached from here (${reasonOf(error)}). Some networks do not let a machine reach its own public address.`,
      ),
    ]
  }
}
