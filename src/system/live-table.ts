/** Table inet filter in the words of keep/, read by nfnetlink. */

import { type ListedChain, readTable } from 'nfnetlink'
import { TABLE } from '../arm/names.ts'
import { devicesText } from '../arm/ruleset/ingress.ts'
import type { LiveChain, LiveRule, LiveTable } from '../keep/live-table.ts'

/** Throws NetlinkError. */
export function liveTable(rulesOf: readonly string[]): LiveTable | undefined {
  const table = readTable(TABLE.name, rulesOf)
  if (table === undefined) return undefined
  const rules = new Map<string, LiveRule[]>(rulesOf.map(chain => [chain, []]))
  for (const { chain, handle, comment } of table.rules) rules.get(chain)?.push({ handle, comment })
  return {
    handle: table.handle,
    isDormant: table.flags.includes('dormant'),
    chains: table.chains.map(liveChain),
    sets: table.sets.filter(({ isAnonymous, isMap }) => !isAnonymous && !isMap),
    rules,
  }
}

function liveChain({ name, handle, type, hook, devices, priority, policy }: ListedChain): LiveChain {
  if (hook === undefined) return { name, handle }
  const where = devices === undefined ? hook : `${hook} ${devicesText(devices)}`
  return { name, handle, hook: `type ${type} hook ${where} priority ${priority}; policy ${policy};` }
}
