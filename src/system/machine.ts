/** This machine as the doctor wants to know it. */
import type { ChoiceFacts } from '../doctor/choice.ts'
import type { Facts } from '../doctor/facts.ts'
import { findLegacy, findTraces } from '../doctor/traces.ts'
import { Failure } from '../terms/failure.ts'
import { findBaked } from './baked.ts'
import { findBridges } from './bridges.ts'
import { findCaller } from './caller.ts'
import { findDetours, listenedTo } from './detours.ts'
import { readForeign } from './files.ts'
import { seeRuleset } from './ruleset-view.ts'
import { surroundings } from './surroundings.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** All but the settings. What cannot be seen is a fact as well. */
export function lookAround(env: Environment): Omit<Facts, 'settings'> {
  return {
    ...lookAtFirewall(),
    traces: findTraces(readForeign),
    kernel: kernelRelease(),
    node: process.versions.node,
    uplinks: surroundings.uplinks().length,
    served: surroundings.served(),
    neighbourhood: surroundings.neighbourhood(),
    connected: surroundings.connected(),
    bridges: findBridges(),
    groups: listenedTo('log'),
    baked: findBaked(),
    caller: findCaller(env, process.ppid, readForeign),
  }
}

/** What closed = "auto" goes by. */
export function lookAtFirewall(): Omit<ChoiceFacts, 'settings'> {
  return {
    sight: sightOrWhyNot(),
    legacy: findLegacy(readForeign),
    forwards: surroundings.forwards(),
    detours: findDetours(surroundings.uplinks()),
  }
}

function sightOrWhyNot(): Facts['sight'] {
  try {
    return seeRuleset()
  } catch (error) {
    if (error instanceof Failure) return { unseen: error.message, advice: error.hint }
    throw error
  }
}

function kernelRelease(): string {
  const file = readForeign('/proc/sys/kernel/osrelease')
  return 'text' in file ? file.text.trim() : 'unknown'
}
