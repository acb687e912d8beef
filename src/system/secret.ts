/** A secret in a file of its own, or handed over by systemd. What is wrong with it is told; what is in it never. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { escapeText } from '../terms/escape.ts'
import { EXIT, Failure } from '../terms/failure.ts'
import { whyUnreadable } from './files.ts'

const { O_NONBLOCK, O_RDONLY } = constants
/** Bytes of a secret, at most. */
export const SECRET_MAX = 16_384
const OTHERS = 0o007

/** The text without the end of its last line. Throws a Failure (77, 78). */
export function readSecretFile(path: string): string {
  const shown = escapeText(path)
  let file: number
  try {
    file = openSync(path, O_RDONLY | O_NONBLOCK)
  } catch (error) {
    const { unreadable, because } = whyUnreadable(error)
    throw new Failure(`the secret in ${shown} cannot be read: ${because}`, {
      exit: unreadable === 'forbidden' ? EXIT.noPermission : EXIT.settings,
      hint: `It is for root and one user: chown root:flypaperd-outside ${shown}; chmod 640 ${shown}`,
    })
  }
  try {
    const stat = fstatSync(file)
    const wrong = (what: string, hint: string) =>
      new Failure(`${shown} ${what}`, { exit: EXIT.settings, hint })
    if (!stat.isFile()) throw wrong('is no file', 'Name a file that holds the secret alone.')
    if ((stat.mode & OTHERS) !== 0)
      throw wrong(
        'can be read by everybody, and holds a secret',
        `Take that from the others: chmod o= ${shown}`,
      )
    const bytes = Buffer.alloc(SECRET_MAX + 1)
    const length = readSync(file, bytes, 0, bytes.length, 0)
    if (length > SECRET_MAX)
      throw wrong(`is longer than ${SECRET_MAX} bytes`, 'Name a file that holds the secret alone.')
    const text = bytes.toString('utf8', 0, length).replace(/\r?\n$/, '')
    if (text === '') throw wrong('is empty', 'Write the secret into it, in one line.')
    return text
  } finally {
    closeSync(file)
  }
}

/** systemd.exec(5): LoadCredential= of the unit that runs this. Throws a Failure. */
export function readCredential(name: string, directory: string | undefined): string {
  if (directory !== undefined) return readSecretFile(`${directory}/${name}`)
  throw new Failure(`the credential ${name} is handed by systemd to the unit alone, and this is not it`, {
    exit: EXIT.settings,
    hint: `Write LoadCredential=${name}:FILE into the unit: systemctl edit flypaperd-outside`,
  })
}
