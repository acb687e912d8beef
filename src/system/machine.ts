/** This machine as the doctor wants to know it. */
import type { Facts } from '../doctor/facts.ts'
import { findLegacy, findTraces } from '../doctor/traces.ts'
import { Failure } from '../terms/failure.ts'
import { findBridges } from './bridges.ts'
import { findCaller } from './caller.ts'
import { readText } from './files.ts'
import { seeRuleset } from './ruleset-view.ts'
import { surroundings } from './surroundings.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** All but the settings. What cannot be seen is a fact as well. */
export function lookAround(env: Environment): Omit<Facts, 'settings'> {
  return {
    sight: sightOrWhyNot(),
    legacy: findLegacy(readText),
    traces: findTraces(readText),
    kernel: kernelRelease(),
    node: process.versions.node,
    forwards: surroundings.forwards(),
    served: surroundings.served(),
    neighbourhood: surroundings.neighbourhood(),
    connected: surroundings.connected(),
    bridges: findBridges(),
    caller: findCaller(env, process.ppid, readText),
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
  const file = readText('/proc/sys/kernel/osrelease')
  return 'text' in file ? file.text.trim() : 'unknown'
}
