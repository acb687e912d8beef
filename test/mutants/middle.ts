/** The daemon's middle, broken in what it promises. Unit tests alone must notice, so all of these take a few minutes. */
import type { Mutant } from '../mutants.ts'

const PACKETS = 'test/daemon/packets.test.ts'
const NEVER = 'test/daemon/never-files.test.ts'
const BY_HAND = 'test/daemon/never-by-hand.test.ts'
const RELOAD = 'test/daemon/reload.test.ts'
const PAUSE = 'test/daemon/pause.test.ts'
const OTHERS = 'test/daemon/others.test.ts'
const ORDERS = 'test/daemon/orders.test.ts'
const START = 'test/daemon/start.test.ts'
const COMMIT = 'test/lockout/commit.test.ts'
const LEAVE = 'test/lockout/decide/leave.test.ts'
const LOCK = 'test/lockout/decide/lock.test.ts'
const TRYING = 'test/daemon/trying.test.ts'

function mutant(what: string, file: string, change: Mutant['change'], ...tests: readonly string[]): Mutant {
  return { what, file: `src/${file}`, change, tests }
}

export const MIDDLE: readonly Mutant[] = [
  // The table of evidence.
  mutant(
    'a repetition counts',
    'judge/evidence.ts',
    [/ {2}if \(before !== undefined && weightAt\(before.*\n.*others.*\n/, '  const others = pieces\n'],
    'test/judge/judge.test.ts',
    'test/judge/evidence.test.ts',
  ),
  mutant(
    'each visit makes it longer',
    'lockout/offence.ts',
    ['lengthOf(ports.length,', 'lengthOf(ports.length + (past?.times ?? 0),'],
    COMMIT,
  ),
  mutant(
    'what was freed makes the next lockout longer',
    'history/row.ts',
    ['counts === 0 ? [] : (ports', '(ports'],
    COMMIT,
  ),
  mutant(
    'a known client stays for a day',
    'lockout/length.ts',
    ['shortest(wanted, longest, longestForgeable)', 'shortest(wanted, longestForgeable)'],
    'test/lockout/length.test.ts',
  ),
  // Who goes on trying.
  mutant('a single port is prolonged', 'lockout/lockout.ts', [' && ports !== undefined', ''], TRYING),
  mutant(
    'what came in the first half counts as well',
    'lockout/trying.ts',
    ['return (packets % COUNTED) + 1', 'return 1'],
    TRYING,
  ),
  mutant(
    'prolonged without an end',
    'lockout/trying.ts',
    [' || ends + ms - since[place]! > longestMs', ''],
    TRYING,
  ),
  mutant(
    'prolonged by all that it has had',
    'history/schema.ts',
    ['(until - since) / (prolonged + 1)', '(until - since)'],
    TRYING,
  ),
  mutant(
    'a fly of which a person has said the end goes on',
    'lockout/commit.ts',
    ['by === undefined && before !== undefined', 'before !== undefined'],
    TRYING,
  ),
  // Packets.
  mutant(
    'UDP that others refused is weak evidence for ten minutes',
    'daemon/packets.ts',
    ["one.protocol === UDP ? 'late' : 'refused'", "'refused'"],
    PACKETS,
  ),
  mutant(
    'whoever is found innocent stays held',
    'daemon/weigh.ts',
    [/ {2}if \(innocents\.length > 0\).*\n/, ''],
    PACKETS,
  ),
  mutant(
    'a strike ends the hold',
    'daemon/weigh.ts',
    ["verdict.verdict === 'let-go' && isHoldOver", 'isHoldOver'],
    PACKETS,
  ),
  mutant('a pause changes nothing', 'daemon/weigh.ts', ['if (isPaused(state, at)) return', ''], ORDERS),
  mutant(
    'no promotion limit',
    'daemon/lock-out.ts',
    ['state.promotion.admit(candidates, settings.promotion, at, knownOf)', '(void knownOf, candidates)'],
    PACKETS,
  ),
  mutant(
    'who finds no room is not counted',
    'daemon/lock-out.ts',
    ['tally.overflowed(unplaced)', 'void 0'],
    PACKETS,
  ),
  mutant(
    'whose time is over makes no room',
    'daemon/lock-out.ts',
    ['state.flies.sweep(now)', 'void now'],
    PACKETS,
  ),
  mutant(
    'while others write their rules a refusal is an offence',
    'daemon/packets.ts',
    [
      "evidence === 'full' ? heldForIt(daemon, refused, pending) : new Set()",
      'heldForIt(daemon, refused, pending)',
    ],
    RELOAD,
  ),
  mutant(
    'a host in use that is pending for other ports offends by a refusal',
    'daemon/packets.ts',
    ['held.delete(element)', 'held.add(element)'],
    'test/daemon/packets.test.ts',
  ),
  mutant(
    'a door is gone as soon as its rule is, also between two transactions',
    'daemon/conditional.ts',
    ['ruleChanges.rest() >= REST_SECONDS ? found : withDoors(found, conditional)', 'found'],
    'test/daemon/conditional.test.ts',
  ),
  mutant(
    'who was refused at a door before the rules were read offends',
    'daemon/packets.ts',
    ['isDoor(conditional, protocol, port)', 'false'],
    'test/daemon/conditional.test.ts',
  ),
  mutant(
    'a port that nobody accepts is a door, where its rule asks for a rate',
    'doctor/conditional.ts',
    ['both(where, isRestRefused ? unionOf(open) : ANYWHERE)', 'where'],
    'test/doctor/conditional.test.ts',
  ),
  mutant(
    'while others write their rules three refusals are a scan from the first second on',
    'daemon/packets.ts',
    ["evidence === 'none'", "evidence === ('never' as string)"],
    RELOAD,
  ),
  mutant(
    'while others write their rules whom one refuses stays held',
    'daemon/packets.ts',
    ["evidence === 'full' ? innocent : all, pending)", 'innocent, pending)'],
    RELOAD,
  ),
  // The ring.
  mutant(
    'a flood pushes everything out of the ring',
    'ring/ring.ts',
    ['!budget.take(block.length, packet.at)', 'budget.take(0, packet.at) && false'],
    'test/ring/ring.test.ts',
  ),
  mutant(
    'who is locked out in a flood is not in the ring',
    'ring/ring.ts',
    ['packet.lockout === undefined && !budget', '!budget'],
    'test/ring/ring.test.ts',
  ),
  mutant(
    'what-if hears whoever would be a fly',
    'what-if/replay.ts',
    ['!settings.dryRun && isSilent(fly, seen, at)', 'isSilent(fly, seen, at) && false'],
    'test/what-if/replay.test.ts',
  ),
  mutant(
    'what-if does not know who was freed',
    'what-if/replay.ts',
    ['        free(what.sources, at)\n', ''],
    'test/what-if/replay.test.ts',
  ),
  mutant(
    'what was judged together is judged one by one',
    'daemon/packets.ts',
    ['isSameBatch: i > 0', 'isSameBatch: false'],
    'test/ring/ring.test.ts',
  ),
  // The firewall beside us.
  mutant(
    'auto waits for nothing',
    'doctor/auto.ts',
    ['settled < needed && now - since < Math.max(needed, STEADY_SECONDS)', 'false'],
    RELOAD,
  ),
  mutant('auto can be made to flap', 'doctor/auto.ts', ['2 ** followed.length', '1'], RELOAD),
  mutant(
    'auto waits for rules that never rest',
    'doctor/auto.ts',
    ['&& now - since < Math.max(needed, STEADY_SECONDS)', ''],
    RELOAD,
  ),
  mutant(
    'auto waits also with what could hurt',
    'doctor/auto.ts',
    ['if (next.isCautious)', 'if (false)'],
    RELOAD,
  ),
  mutant(
    'auto goes to a weaker mode without a warning',
    'daemon/renew.ts',
    ["found.isWeaker ? 'warn' : 'info'", "'info'"],
    RELOAD,
  ),
  mutant(
    'a knock that comes later is an offence',
    'doctor/auto.ts',
    [' && JSON.stringify(one.knocks) === JSON.stringify(other.knocks)', ''],
    RELOAD,
  ),
  // Reload.
  mutant(
    'a reload changes dry_run',
    'daemon/renew.ts',
    [/ {2}if \(next\.settings\.dryRun !== .*\n/, ''],
    RELOAD,
  ),
  mutant(
    'a reload assigns before it arms',
    'daemon/renew.ts',
    ['  using prepared', '  state.policy = next\n  using prepared'],
    RELOAD,
  ),
  mutant(
    'refused settings are not followed by the old ones',
    'daemon/renew.ts',
    ["keeper.rearm('new settings are refused')", 'void keeper'],
    RELOAD,
  ),
  mutant(
    'a reload frees nobody',
    'daemon/renew.ts',
    ['  changed()\n  letGoSpared(daemon)', '  changed()'],
    RELOAD,
  ),
  mutant(
    'what changes while a reload arms is not looked at',
    'daemon/renew.ts',
    [/ {2}ruleChanges\.lookIn\(0\)\n/, ''],
    RELOAD,
  ),
  mutant(
    'a reload arms what was disarmed',
    'daemon/renew.ts',
    [/ {2}if \(ended\.aborted\) throw .*\n/, ''],
    RELOAD,
  ),
  mutant(
    'a pause that the history tells late is none',
    'daemon/time.ts',
    ['  takeUpPause(daemon)\n', ''],
    PAUSE,
  ),
  mutant(
    'the kernel is not asked for a pause',
    'daemon/pause.ts',
    ["firewall.ports('flypaper_grace', 1)", '[] as { expires?: number }[]'],
    PAUSE,
  ),
  mutant(
    'a pause is taken up against an order',
    'daemon/pause.ts',
    ['  state.isPauseKnown = true\n  world.history', '  world.history'],
    PAUSE,
  ),
  mutant('a reload goes on listening where it did', 'daemon/renew.ts', ['  prepared.take()\n', ''], RELOAD),
  mutant(
    '"auto" stays where it could hurt',
    'daemon/renew.ts',
    ["found.review === 'take'", 'false as boolean'],
    RELOAD,
  ),
  mutant(
    'who becomes near stays a fly',
    'daemon/never-list.ts',
    ['  takeList(daemon, next)\n  letGoSpared(daemon)\n}', '  takeList(daemon, next)\n}'],
    RELOAD,
  ),
  mutant('who becomes near is judged', 'daemon/renew.ts', ['  relist(daemon, next)\n', ''], RELOAD),
  mutant(
    'a list that changes is not taken',
    'daemon/never-files.ts',
    [/ {4}relist\(daemon, withNever.*\n/, ''],
    NEVER,
  ),
  mutant(
    'never add frees nobody',
    'daemon/never-by-hand.ts',
    [/await freeListed\(daemon, set, .*, freed\)/, 'void freed'],
    BY_HAND,
  ),
  mutant(
    'a prefix around an entry is freed with it',
    'daemon/never-list.ts',
    ['isNet(fly) && !isWithin(', 'isNet(fly) && false && !isWithin('],
    BY_HAND,
  ),
  mutant(
    'the time of an entry never ends',
    'daemon/never-by-hand.ts',
    ['const left = inForce(before, world.now())', 'const left = inForce(before, 0)'],
    BY_HAND,
  ),
  mutant(
    'a reload forgets the entries by hand',
    'daemon/renew.ts',
    ['planWith({ ...asked, neverByHand }', 'planWith({ ...asked, neverByHand: neverByHand.slice(0, 0) }'],
    BY_HAND,
  ),
  mutant(
    'a damaged file is written over',
    'daemon/never-by-hand.ts',
    ['void setAside(world, keeper, left, damage)', 'void keeper.save(left)'],
    BY_HAND,
  ),
  mutant(
    'what is not known yet is written over',
    'daemon/never-by-hand.ts',
    ['if (!neverKeeper.isLate) return\n  throw', 'if (neverKeeper) return\n  throw'],
    BY_HAND,
  ),
  mutant(
    'a clock that is set ends entries by hand',
    'daemon/time.ts',
    ['  shiftNever(daemon, stepped)\n', ''],
    BY_HAND,
  ),
  mutant(
    'a broken list is told at each look',
    'daemon/never-files.ts',
    ['    state.neverRefused = there.version\n', ''],
    NEVER,
  ),
  mutant(
    'an old look counts after a reload',
    'daemon/never-files.ts',
    ['daemon.ended.aborted || state.neverLook !== look)', 'daemon.ended.aborted)'],
    NEVER,
  ),
  mutant('lists that hang are not told', 'daemon/never-files.ts', ['  look.hangs = true\n', ''], NEVER),
  mutant('whom a list spares stays a fly', 'daemon/never-files.ts', [/ {4}freeNever\(daemon\)\n/, ''], NEVER),
  mutant(
    'a list may spare everybody',
    'settings/prefix-lines.ts',
    ['value.length < WIDEST_IN_FILE[value.family]', 'false as boolean'],
    'test/settings/never-files.test.ts',
  ),
  mutant(
    'what overlaps comes before the other has gone',
    'arm/listed.ts',
    ['isEnough() && isBeyond(ranges, at)', 'isEnough()'],
    'test/arm/listed.test.ts',
  ),
  // Start.
  mutant('a start frees nobody', 'daemon/run.ts', [/ {2}letGoSpared\(\{.*\n/, ''], START),
  mutant(
    'sets that agreed with the history are filled again',
    'daemon/run.ts',
    ["skipRestore: found === 'confirmed'", 'skipRestore: false'],
    START,
  ),
  mutant(
    'nothing follows the start',
    'daemon/run.ts',
    ["keeper.follow(isFresh ? 'fresh' : found)", 'void isFresh'],
    START,
  ),
  // What others do.
  mutant(
    'the keeper follows nothing',
    'keep/keeper.ts',
    ['if (trap.keepsFlies) settling.follow(state)', ''],
    OTHERS,
  ),
  mutant(
    'a dry run takes over what others put in',
    'keep/keeper.ts',
    [' || !trap.keepsFlies) return', ') return'],
    PACKETS,
  ),
  mutant(
    'who removed the trap is not asked',
    'keep/keeper.ts',
    ["if ('strange' in meaning)", 'if (false as boolean)'],
    OTHERS,
  ),
  mutant(
    'a refused change is armed again before it is remembered',
    'daemon/open.ts',
    [", 'later')", ')'],
    RELOAD,
  ),
  mutant(
    'whom the kernel would not let go is forgotten',
    'daemon/open.ts',
    [/ {6}for \(const fly of stillIn\).*\n/, ''],
    OTHERS,
  ),
  mutant('no audit of the rules', 'daemon/renew.ts', ["  keeper.check('somebody')\n", ''], OTHERS),
  mutant('no audit of the sets', 'keep/audit.ts', ['++looks % LOOKS === 0', '++looks < 0'], OTHERS),
  mutant(
    'who is missing in sets that agreed is put in again',
    'keep/reconcile.ts',
    ["if (state === 'confirmed') return changes.released", 'if (false as boolean) return changes.released'],
    START,
  ),
  mutant(
    'who was freed stays in the set',
    'keep/reconcile.ts',
    [/ {4}changes\.takeOut\(stale.*\n/, ''],
    OTHERS,
  ),
  mutant('another time is nothing', 'keep/reconcile.ts', [/ {2}await inPieces\(mistimed, .*\n/, ''], OTHERS),
  mutant('taken out by others counts on', 'daemon/others.ts', ['  state.memory.forget(gone)\n', ''], OTHERS),
  mutant(
    'taken out by others is not told',
    'daemon/others.ts',
    ['commit(released(gone, by, state.flies, now), ledger, now)', 'void released'],
    OTHERS,
  ),
  mutant(
    'anybody may be put in by hand',
    'lockout/decide/adopt.ts',
    ['sparedAmong(names, spared)', '[] as Fly[]'],
    LEAVE,
  ),
  // Orders.
  mutant('freed, and counted on', 'daemon/orders.ts', [/ {2}state\.memory\.forget\(.*\n/, ''], ORDERS),
  mutant('flushed, and counted on', 'daemon/orders.ts', ['  state.memory.forgetAll()\n', ''], ORDERS),
  mutant(
    'to lock again shortens',
    'lockout/decide/lock.ts',
    ['return exact ? Math.abs(later) < same : later < same', 'return Math.abs(later) < same'],
    LOCK,
  ),
  mutant(
    'to lock again without a time takes another end',
    'lockout/decide/lock.ts',
    ['if (length === undefined) return true', ''],
    LOCK,
  ),
  mutant(
    'by hand into a full set is told as done',
    'daemon/orders.ts',
    ['locked.filter(fly => !unplaced.includes(fly))', 'locked'],
    ORDERS,
  ),
  mutant(
    'a clock that is set leaves a pause where it was',
    'daemon/time.ts',
    [/ {2}shiftPause\(daemon, stepped\)\n/, ''],
    ORDERS,
  ),
  mutant(
    'a clock that is set frees flies',
    'daemon/time.ts',
    ['state.flies.shift(stepped)', 'void stepped'],
    ORDERS,
  ),
  // The commit.
  mutant(
    'the history is written before the kernel',
    'lockout/commit.ts',
    [
      '  const entered = intoKernel(',
      '  if (decision.enter.length > 0) ledger.history.add(decision.enter)\n  const entered = intoKernel(',
    ],
    COMMIT,
  ),
  mutant(
    'the history forgets who leaves',
    'lockout/commit.ts',
    ['for (const { flies, release } of leave) history.release(flies, release)', ''],
    COMMIT,
  ),
  mutant('no index', 'lockout/commit.ts', [/ {2}intoIndex\(decision, coming.*\n/, ''], COMMIT),
  mutant(
    'a full set is a refusal',
    'lockout/commit.ts',
    ['if (error instanceof SetFull) return false', 'void SetFull'],
    COMMIT,
  ),
  mutant(
    'a refusal is nobody’s business',
    'lockout/commit.ts',
    ['refused(error, leaving)', 'void leaving'],
    COMMIT,
  ),
  mutant(
    'who leaves stays in the kernel',
    'lockout/commit.ts',
    ['  attempt(removals(gone), gone)\n', ''],
    COMMIT,
  ),
  mutant(
    'a flush that is refused is told as done',
    'lockout/commit.ts',
    [
      'if (everybody !== undefined) firewall.change(emptied(firewall))',
      'if (everybody !== undefined) attempt(emptied(firewall))',
    ],
    OTHERS,
  ),
  mutant(
    'a hold outlives what ends it',
    'lockout/commit.ts',
    [/ {2}if \(unhold\.length > 0\).*\n/, ''],
    LEAVE,
  ),
  mutant('nobody is told', 'lockout/commit.ts', ['told.entered(coming)', 'void coming'], COMMIT),
  // The proof.
  mutant(
    'an open port that answers after the offence is no leak',
    'prove/findings.ts',
    ['index >= free && !isPublic(service)', 'false'],
    'test/prove/prove.test.ts',
  ),
  mutant(
    'an innocent who is not served any more is not hurt',
    'prove/findings.ts',
    ["isHurt: isStuck || (control === 'served' && trapped !== 'served')", 'isHurt: false'],
    'test/prove/prove.test.ts',
  ),
  mutant(
    'what iptables has made of a table may be another',
    'prove/listing.ts',
    ["return odd?.split(' {')[0]?.trim()", 'return undefined'],
    'test/prove/listing.test.ts',
  ),
  mutant(
    'the flies are listed',
    'prove/listing.ts',
    ['isOurs(name!) ? [] : ', ''],
    'test/prove/listing.test.ts',
  ),
]
