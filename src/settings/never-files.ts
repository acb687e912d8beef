/** The files of never_files: read beside the settings, and again whenever one of them is another. Nothing here throws. */
import { EXIT } from '../terms/failure.ts'
import { collectPrefixes, EMPTY, unionOf } from '../terms/prefix-set.ts'
import { type Closed, explain, MOST_MISTAKES, type Wrong } from './explain.ts'
import { NEVER_MAX, readPrefixLines } from './prefix-lines.ts'
import type { NeverFile, NeverFiles } from './settings.ts'
import { type Folders, type ReadText, remarksOn, type Unreadable, whyLeft } from './sources.ts'

/** Of one file: room for as many prefixes, written out in full, and as much for comments. */
const MOST_BYTES = 20 * 1024 * 1024

export interface NeverRead {
  readonly never: NeverFiles
  /** With mistakes in it, or in files that are not there, `never` is not to be taken. */
  readonly wrong: readonly (Wrong | Closed)[]
  /** Who else may change the files: sentences. */
  readonly remarks: readonly string[]
}

/** `owner` is who owns the settings: that he may change the files as well is nothing to be told. */
export function readNeverFiles(
  named: readonly string[],
  readText: ReadText,
  folders: Folders,
  owner?: number,
): NeverRead {
  // First: what is written while they are read is read again.
  const { version } = versionOf(named, folders)
  const files: NeverFile[] = []
  const wrong: (Wrong | Closed)[] = []
  let left = NEVER_MAX
  const found = [...new Set(named)].map(path => filesOf(path, folders))
  for (const one of found) if (!Array.isArray(one)) wrong.push(closed(one.file, one))
  const paths = [...new Set(found.flatMap(one => (Array.isArray(one) ? one : [])))]
  for (const file of paths) {
    const read = whyLeft(folders.inspect(file)) ?? readText(file, MOST_BYTES)
    if ('unreadable' in read) {
      wrong.push(closed(file, read))
      continue
    }
    const collected = collectPrefixes()
    const mistakes = readPrefixLines(read.text, collected, left)
    if (mistakes.length > 0) wrong.push({ file, text: read.text, mistakes })
    left = Math.max(0, left - collected.count())
    files.push({ file, prefixes: collected.set() })
    if (wrong.length >= MOST_MISTAKES) break
  }
  const never = { named, files, version, prefixes: unionOf(files.map(({ prefixes }) => prefixes)) }
  return { never, wrong, remarks: paths.flatMap(file => remarksOn(file, folders.inspect(file), owner)) }
}

/** Other files, or the same in other states: another text. */
export function versionOf(
  named: readonly string[],
  folders: Folders,
): { readonly version: string; readonly written: number } {
  const standings = named.flatMap(path => {
    const found = filesOf(path, folders)
    const files = Array.isArray(found) ? found : [path]
    return files.map(file => [file, folders.inspect(file)] as const)
  })
  return {
    version: standings.map(([file, standing]) => `${file} ${standing?.version}`).join('\n'),
    written: Math.max(0, ...standings.map(([, standing]) => standing?.written ?? 0)),
  }
}

/** Both readings that the daemon wants of them (daemon/world.ts), done at once. */
export function neverFilesNow(readText: ReadText, folders: Folders) {
  return {
    version: (named: readonly string[]) => versionOf(named, folders),
    read(named: readonly string[]): NeverFiles {
      const { never, wrong } = readNeverFiles(named, readText, folders)
      if (wrong.length > 0) throw explain(wrong)
      return never
    },
  }
}

/** Those that no file is read for. */
export function unread(named: readonly string[]): NeverFiles {
  return { named, files: [], version: '', prefixes: EMPTY }
}

/** Of a folder the lists in it, by their names; hidden ones are left out, as whoever replaces a file writes one first. */
function filesOf(path: string, { list }: Folders): string[] | (Unreadable & { readonly file: string }) {
  if (!path.endsWith('/')) return [path]
  const listed = list(path)
  if ('unreadable' in listed) return { ...listed, file: path }
  const lists = listed.names.filter(name => /^[^.].*\.(txt|list)$/.test(name))
  return lists.sort().map(name => `${path}${name}`)
}

function closed(file: string, { unreadable, because }: Unreadable): Closed {
  return {
    file,
    problem: `cannot be read, though never_files names it: ${because}`,
    advice:
      unreadable === 'forbidden'
        ? 'let the daemon read it, which is user flypaperd in the unit'
        : 'fetch it, make an empty file of that name, or take it out of never_files',
    exit: unreadable === 'forbidden' ? EXIT.noPermission : EXIT.settings,
  }
}
