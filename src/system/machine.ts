/** This machine as the doctor wants to know it. */
import type { ChoiceFacts } from '../doctor/choice.ts'
import type { Facts } from '../doctor/facts.ts'
import { findLegacy, findTraces } from '../doctor/traces.ts'
import { Failure } from '../terms/failure.ts'
import { findBaked } from './baked.ts'
import { findBridges } from './bridges.ts'
import { findCaller } from './caller.ts'
import { findDetours } from './detours.ts'
import { readText } from './files.ts'
import { parseQueues } from './proc-net.ts'
import { seeRuleset } from './ruleset-view.ts'
import { surroundings, uplinkNames } from './surroundings.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** All but the settings. What cannot be seen is a fact as well. */
export function lookAround(env: Environment): Omit<Facts, 'settings'> {
  return {
    ...lookAtFirewall(),
    traces: findTraces(readText),
    kernel: kernelRelease(),
    node: process.versions.node,
    served: surroundings.served(),
    neighbourhood: surroundings.neighbourhood(),
    connected: surroundings.connected(),
    bridges: findBridges(),
    groups: logGroups(),
    baked: findBaked(),
    caller: findCaller(env, process.ppid, readText),
  }
}

/** What closed = "auto" goes by. */
export function lookAtFirewall(): Omit<ChoiceFacts, 'settings'> {
  return {
    sight: sightOrWhyNot(),
    legacy: findLegacy(readText),
    forwards: surroundings.forwards(),
    detours: findDetours(uplinkNames()),
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

/** The first column of nfnetlink_log, as of nfnetlink_queue, is what a program listens to. */
function logGroups(): readonly number[] {
  const file = readText('/proc/net/netfilter/nfnetlink_log')
  return 'text' in file ? parseQueues(file.text) : []
}

function kernelRelease(): string {
  const file = readText('/proc/sys/kernel/osrelease')
  return 'text' in file ? file.text.trim() : 'unknown'
}
