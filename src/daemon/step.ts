/**
 * One step: the daemon is taken through one thing that happened. Read this first: whatever becomes of a packet, an order or a
 * change by others begins here, and can be followed by calls. What the kernel does meanwhile by itself is in arm/ruleset/.
 */
import type { Daemon } from './daemon.ts'
import { forgetWhom } from './forgetting.ts'
import { renewInUse } from './in-use.ts'
import type { AnswerTo, InputOf, Kind } from './input.ts'
import { nameHosts, renewNamed } from './named-hosts.ts'
import { addNever, keepNeverByHand, removeNever } from './never-by-hand.ts'
import { flushAll, freeIn, freeOnce, lockByHand } from './orders.ts'
import { mend, rearm, takeFound, takeReleased } from './others.ts'
import { judgePackets, judgeRefused } from './packets.ts'
import { pause } from './pause.ts'
import { followFirewall, look, reload } from './renew.ts'
import { noteSampled } from './sampled.ts'
import { hearTestimony, takeBack } from './testimony.ts'
import { everySecond, followClock } from './time.ts'
import { askWhoTries } from './trying.ts'

type Steps = { readonly [K in Kind]: (daemon: Daemon, input: InputOf<K>) => AnswerTo<K> }

const STEPS: Steps = {
  packets: (daemon, { batch }) => judgePackets(daemon, batch),
  sampled: (daemon, { batch }) => noteSampled(daemon, batch),
  refused: (daemon, { refused, pending }) => judgeRefused(daemon, refused, pending),
  released: takeReleased,
  found: takeFound,
  mend,
  rearm,
  lock: lockByHand,
  testify: hearTestimony,
  withdraw: takeBack,
  free: freeIn,
  forget: forgetWhom,
  'free-these': freeOnce,
  flush: flushAll,
  name: nameHosts,
  named: renewNamed,
  pause,
  reload: (daemon, { settings }) => reload(daemon, settings),
  'never-add': addNever,
  'never-remove': removeNever,
  'never-over': keepNeverByHand,
  clock: (daemon, { stepped }) => followClock(daemon, stepped),
  second: everySecond,
  ask: askWhoTries,
  'in-use': renewInUse,
  look,
  follow: followFirewall,
}

export function step<K extends Kind>(daemon: Daemon, input: InputOf<K>): AnswerTo<K> {
  return (STEPS[input.input as K] as Steps[K])(daemon, input)
}
