/** The program of a thread that reads settings and lists (reading.ts), one reading after the other. */
import { readlinkSync } from 'node:fs'
import { type MessagePort, workerData } from 'node:worker_threads'
import { neverFilesNow } from '../settings/never-files.ts'
import { readText } from './files.ts'
import { folders } from './folders.ts'
import { linesOf } from './lines.ts'
import { parseResolver } from './proc-net.ts'
import { type Answer, packFailure, packNever, packSettings, type Wanted } from './reading-pack.ts'

const port = workerData as MessagePort
const say = (answer: Answer) => port.postMessage(answer)

/** Which one it is goes out before it is touched: it may be the last thing that is heard. */
function telling<Args extends readonly [string, ...unknown[]], T>(touch: (...args: Args) => T) {
  return (...args: Args): T => {
    say({ at: args[0] })
    return touch(...args)
  }
}
const text = telling(readText)
const places = { list: telling(folders.list), inspect: telling(folders.inspect) }
const lines = telling(linesOf)
const lists = neverFilesNow(text, places)

async function read(wanted: Wanted): Promise<unknown> {
  if (wanted.read === 'version') return lists.version(wanted.named)
  if (wanted.read === 'lists') return packNever(lists.read(wanted.named))
  if (wanted.read === 'resolvers')
    return wanted.files.flatMap(file => [...lines(file)].flatMap(line => parseResolver(line) ?? []))
  // What knows TOML takes a while to load.
  const { loadSettings } = await import('../settings/load.ts')
  const { loadSettledSettings } = await import('../settings/settle.ts')
  const load = wanted.isSettled ? loadSettledSettings : loadSettings
  return packSettings(await load(wanted.file, text, places))
}

say({ thread: Number(readlinkSync('/proc/thread-self').split('/').pop()) })
port.on('message', (wanted: Wanted) => {
  read(wanted).then(
    value => say({ value }),
    error => say({ failure: packFailure(error) }),
  )
})
