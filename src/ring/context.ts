/** What the kernel graded by and the daemon judged by, when packets came: written down with them, since it cannot be known later. */
import { createHash } from 'node:crypto'
import type { Neighbourhood } from '../arm/surroundings.ts'
import { portText, type Settings, type SilentPort } from '../settings/settings.ts'
import { type Address, type Prefix, parseAddress, parsePrefix } from '../terms/address.ts'

export interface Context {
  readonly dryRun: boolean
  /** Of settings the text by the name: `lockout.first` is 600. */
  readonly settings: Readonly<Record<string, string>>
  /** Own addresses, gateways, resolvers and links, as texts; left out where they are too many. */
  readonly near?: Readonly<Record<keyof Neighbourhood, readonly string[]>>
}

/** A longer text of a setting is written as its hash: a never-list may be long. */
const TEXT_MAX = 2000
/** Characters of the neighbourhood at most. */
const NEAR_MAX = 100_000

export function contextOf(asked: Settings, neighbourhood: Neighbourhood): Context {
  const near = Object.fromEntries(
    Object.entries(neighbourhood).map(([name, all]) => [
      name,
      all.map((one: Address | Prefix) => textOf(one)),
    ]),
  ) as NonNullable<Context['near']>
  const isLong = JSON.stringify(near).length > NEAR_MAX
  return { dryRun: asked.dryRun, settings: settingTexts(asked), ...(!isLong && { near }) }
}

/** Undefined where it was too long to be written down, or is none. */
export function neighbourhoodOf({ near }: Context): Neighbourhood | undefined {
  if (near === undefined) return undefined
  const addresses = (name: 'own' | 'gateways' | 'resolvers') =>
    (near[name] ?? []).flatMap(one => parseAddress(one) ?? [])
  const prefixes = (name: 'onLink6' | 'links' | 'inside') =>
    (near[name] ?? []).flatMap(one => parsePrefix(one) ?? [])
  return {
    own: addresses('own'),
    gateways: addresses('gateways'),
    resolvers: addresses('resolvers'),
    onLink6: prefixes('onLink6'),
    links: prefixes('links'),
    inside: prefixes('inside'),
  }
}

/** Every setting as one text, by its name: to be compared. */
export function settingTexts({
  origin: _,
  notify: _notify,
  neverFiles,
  neverByHand,
  ...settings
}: Settings): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {
    neverFiles: shortened(neverFiles.version),
    neverByHand: shortened(neverByHand.map(({ prefix }) => prefix.text).join(' ')),
  }
  const collect = (name: string, value: unknown) => {
    if (isBranch(value)) for (const [key, inner] of Object.entries(value)) collect(`${name}.${key}`, inner)
    else texts[name] = shortened(textOf(value))
  }
  for (const [name, value] of Object.entries(settings)) collect(name, value)
  return texts
}

function isBranch(value: unknown): value is object {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !isPrefix(value) && !isPort(value)
  )
}

function isPrefix(value: object): value is Prefix {
  return 'family' in value
}

function isPort(value: object): value is SilentPort {
  return 'protocol' in value
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(' ')
  if (typeof value !== 'object' || value === null) return String(value)
  if (isPrefix(value)) return value.text
  return isPort(value) ? portText(value) : JSON.stringify(value)
}

function shortened(text: string): string {
  return text.length <= TEXT_MAX ? text : createHash('sha256').update(text).digest('hex')
}
