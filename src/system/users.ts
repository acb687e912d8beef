/** Users of this machine by name, from passwd(5) alone: to ask a directory service would let whoever runs that keep us waiting. */
import { linesOf } from './lines.ts'

const LONGEST_NAME = 64

/** `anna`, or `uid 1234` of a user who has no entry there. */
export function userNameOf(uid: number, passwd = '/etc/passwd'): string {
  for (const line of linesOf(passwd)) {
    const [name, , id] = line.split(':')
    if (name !== undefined && name !== '' && id === `${uid}`)
      return Buffer.from(name, 'latin1').toString().slice(0, LONGEST_NAME)
  }
  return `uid ${uid}`
}
