/** The real world: everything that the verbs can open. */
import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { dirname } from 'node:path'
import { isatty } from 'node:tty'
import { watchRoutes } from 'nfnetlink'
import { noteOf } from '../history/event-rows.ts'
import { openHistory } from '../history/history.ts'
import { MIGRATIONS } from '../history/schema.ts'
import { withAlarms } from '../log/alarms.ts'
import { openEvents } from '../log/events.ts'
import type { System, Told } from '../surface/cli/system.ts'
import { CLAIM_MAX, signature } from '../surface/control/who.ts'
import { parseAddress } from '../terms/address.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import { openClock } from './clock.ts'
import { openClone } from './clone.ts'
import { openDisk } from './disk.ts'
import { readBinary, readText } from './files.ts'
import { openFirewall } from './firewall.ts'
import { folders } from './folders.ts'
import { givingBack } from './give-back.ts'
import { openHistoryFile } from './history-file.ts'
import { endDaemon, holderOf } from './holder.ts'
import { kernelSets } from './kernel-sets.ts'
import { readLive } from './live-machine.ts'
import { openLog } from './log.ts'
import { lookAround, lookAtFirewall } from './machine.ts'
import { giveBackLargeBlocks, memory } from './memory.ts'
import { neverByHandIn } from './never-store.ts'
import { packetSockets } from './packet-sockets.ts'
import { pageFile } from './page-files.ts'
import { passedSockets } from './passed-sockets.ts'
import { passingSets } from './passing-sets.ts'
import { placesOf } from './places.ts'
import { readApart } from './reading.ts'
import { readRing } from './ring-files.ts'
import { MEMORY, openDatabase } from './sqlite.ts'
import { surroundings } from './surroundings.ts'
import { systemctl } from './systemctl.ts'
import { openSupervisor } from './systemd.ts'
import { terminalOf } from './terminal.ts'
import { unitOf } from './unit.ts'
import { listenAt, peerOf } from './unix-sockets.ts'
import { userNameOf } from './users.ts'
import { stepsOf, wholeFile, writeForAll } from './whole-file.ts'

/** Room for the flies that one import takes. */
const LIST_BYTES = 16 * 1024 * 1024

type Environment = Readonly<Record<string, string | undefined>>

export function openSystem(told: Told = {}, env: Environment = process.env): System {
  const { state, ...sockets } = placesOf(told, env, process.pid)
  // Beside the daemon's, which are not its to write to.
  const outsideStatus = `${dirname(sockets.socket)}-outside/status.json`
  const historyFile = (dryRun = false) => `${state}/${dryRun ? 'dry-run' : 'history'}.db`
  const stateFile = `${state}/boot.nft`
  const neverFile = `${state}/never.jsonl`
  const files = readApart()
  const user = userNameOf(process.getuid!())
  const claim = env.SUDO_USER?.slice(0, CLAIM_MAX) || user
  return {
    version: packageVersion(),
    ...sockets,
    state,
    outsideStatus,
    unit: unitOf(env, process.pid, readText),
    user: claim,
    signature: signature(user, claim),
    pid: process.pid,
    unixSockets: { listen: listenAt, peerOf },
    passedSockets: () => passedSockets(env, process.pid),
    pageFile,
    givingBack: packets => givingBack(memory, packets),
    terminal: terminalOf(env),
    surroundings,
    supervisor: openSupervisor(env, process.pid),
    now: Date.now,
    readText,
    folders,
    readSettings: files.settings,
    readList: path => readText(path, LIST_BYTES),
    stateFile: wholeFile(stepsOf(stateFile)),
    writeForAll,
    neverByHand: () => neverByHandIn(neverFile, Date.now()),
    openFirewall: () => openFirewall(),
    lookAtFirewall,
    lookAround: () => lookAround(env),
    openClone,
    readCaptureFile: readBinary,
    readDatabase: readBinary,
    readLive,
    openOutside: async log => {
      const { openOutside } = await import('./outside-world.ts')
      const memory = `${state}-outside/memory.json`
      return openOutside({ socket: sockets.socket, status: outsideStatus, memory }, env, log)
    },
    openHistory: ({ dryRun, ...options } = {}) => openHistoryFile(historyFile(dryRun), options),
    openScratch: () => openHistory(openDatabase(MEMORY, { migrations: MIGRATIONS, readOnly: false })),
    readRing: () => readRing(state),
    openWorld({ dryRun, log: to }) {
      giveBackLargeBlocks()
      using opening = new DisposableStack()
      const time = openClock()
      const firewall = opening.use(openFirewall())
      const said = opening.use(openLog({ env, stdoutIsTerminal: isatty(1) }, to))
      const places = { historyFile: historyFile(dryRun), stateFile, neverFile }
      const log = withAlarms(said, alarm => disk.history.note({ ...alarm }, time.now()), time.now)
      const disk = opening.use(openDisk(places, log, time.now))
      opening.use(log)
      const events = opening.use(
        openEvents(log, time.now, event => disk.history.note(noteOf(event), time.now())),
      )
      const opened = opening.move()
      return {
        firewall,
        kernelSets,
        surroundings,
        sockets: packetSockets,
        passingSets,
        lookAtFirewall,
        neverFiles: files.neverFiles,
        history: disk.history,
        reading: disk.reading,
        forgetting: disk.forgetting,
        stateFile: disk.stateFile,
        neverStore: disk.neverStore,
        ring: disk.ring,
        version: packageVersion(),
        log,
        events,
        now: time.now,
        time,
        clock: () => performance.now() / 1000,
        [Symbol.dispose]: () => opened.dispose(),
      }
    },
    holderOf,
    endDaemon,
    systemctl,
    watchRoutes: (onChange, onError) => watchRoutes({ onChange, onError }),
    resolve,
    onSignal(signals, handler) {
      for (const signal of signals) process.on(signal, handler)
      return {
        [Symbol.dispose]() {
          for (const signal of signals) process.off(signal, handler)
        },
      }
    },
  }
}

function packageVersion(): string {
  const text = readFileSync(findPackageJSON(import.meta.url)!, 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

async function resolve(name: string) {
  // To load it reads resolv.conf, which may hang.
  const { lookup } = await import('node:dns/promises')
  try {
    const found = await lookup(name, { all: true, order: 'ipv4first' })
    return found.flatMap(({ address }) => parseAddress(address) ?? [])
  } catch (cause) {
    throw new Failure(`no address is known for the host name ${name}`, {
      exit: EXIT.no,
      hint: 'Is it spelt right, and does the name server answer? An address works without one.',
      cause,
    })
  }
}
