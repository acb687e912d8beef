/** Who runs this command from afar, by what sshd tells its children: SSH_CONNECTION of ssh(1). */
import type { Caller } from '../doctor/facts.ts'
import type { ReadText } from '../settings/sources.ts'
import { parseAddress } from '../terms/address.ts'

/** sudo and su take the variable away: then one of the processes that started us still has it. */
const MOST_ANCESTORS = 16

type Environment = Readonly<Record<string, string | undefined>>

/** Undefined when nobody is found who came in by ssh. */
export function findCaller(env: Environment, parent: number, readText: ReadText): Caller | undefined {
  const own = parseConnection(env.SSH_CONNECTION)
  if (own !== undefined) return own
  let pid = parent
  for (let ancestors = 0; ancestors < MOST_ANCESTORS && pid > 1; ancestors++) {
    const [, connection] = /(?:^|\0)SSH_CONNECTION=([^\0]*)/.exec(read(readText, pid, 'environ')) ?? []
    const caller = parseConnection(connection)
    if (caller !== undefined) return caller
    pid = Number(/^PPid:\s*(\d+)/m.exec(read(readText, pid, 'status'))?.[1] ?? 0)
  }
  return undefined
}

function read(readText: ReadText, pid: number, name: string): string {
  const file = readText(`/proc/${pid}/${name}`)
  return 'text' in file ? file.text : ''
}

/** `203.0.113.5 50122 192.0.2.1 22`: client and its port, this machine and its port. */
function parseConnection(text = ''): Caller | undefined {
  const [client = '', , , port = ''] = text.split(' ')
  const address = parseAddress(client.replace(/%.*/, ''))
  return address === undefined || !/^\d{1,5}$/.test(port) ? undefined : { address, port: Number(port) }
}
