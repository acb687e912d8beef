/** Users and groups of this machine by name, from passwd(5) and group(5) alone: to ask a directory service would let whoever runs that keep us waiting. */
import { linesOf } from './lines.ts'

const LONGEST_NAME = 64
/** The kernel's word for nobody at all. */
const NO_ID = 0xffffffff

/** `anna`, or `uid 1234` of a user who has no entry there. */
export function userNameOf(uid: number, passwd = '/etc/passwd'): string {
  for (const line of linesOf(passwd)) {
    const [name, , id] = line.split(':')
    if (name !== undefined && name !== '' && id === `${uid}`)
      return Buffer.from(name, 'latin1').toString().slice(0, LONGEST_NAME)
  }
  return `uid ${uid}`
}

/** Undefined for a group that has no entry there. */
export function groupIdOf(name: string, file = '/etc/group'): number | undefined {
  for (const line of linesOf(file)) {
    const [found, , id = ''] = line.split(':')
    if (found === name && /^\d{1,10}$/.test(id) && Number(id) < NO_ID) return Number(id)
  }
  return undefined
}
