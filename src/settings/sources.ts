/**
 * Which files settings are read from: the main one, then the drop-ins in the folder beside it, in the order of their names
 * (docs/decisions/0042-drop-ins.md). Nothing here throws.
 */
import { dirname } from 'node:path'
import { escapeText } from '../terms/escape.ts'

export const DEFAULT_FILE = '/etc/flypaperd/flypaperd.toml'

export interface Unreadable {
  readonly unreadable: 'missing' | 'forbidden' | 'other'
  /** In the words of the system, for people. */
  readonly because: string
}

export type TextFile = { readonly text: string } | Unreadable

/** Reads a file whole, and never throws: the port that system/files.ts stands behind. */
export type ReadText = (path: string, mostBytes?: number) => TextFile

/** What else is asked of the file system; system/folders.ts stands behind it. Links are followed; nothing throws. */
export interface Folders {
  /** The names in a folder, in no order. */
  list(path: string): { readonly names: readonly string[] } | Unreadable
  /** Undefined where there is nothing, or nothing that may be looked at. */
  inspect(path: string): Standing | undefined
}

export interface Standing {
  /** `other`: a pipe, a socket, a device, whose reading might never end. */
  readonly kind: 'file' | 'folder' | 'other'
  /** The user's number. */
  readonly owner: number
  /** Whether the owner is neither root nor whoever runs this. */
  readonly isForeign: boolean
  /** Whether anybody may write to it. */
  readonly isOpen: boolean
  /** Another one when another file has the name, or this one was written to. */
  readonly version: string
  /** When it was written to, in milliseconds since the epoch. */
  readonly written: number
}

/** Where there are none. */
export const NO_FOLDERS: Folders = {
  list: () => ({ unreadable: 'missing', because: 'there is no such file' }),
  inspect: () => undefined,
}

/** A file that is to be read, or a folder that cannot be. */
export interface Source {
  readonly file: string
  readonly read: TextFile
  readonly isDropIn: boolean
}

export interface Sources {
  /** In the order in which they count: what a later one says wins. */
  readonly sources: readonly Source[]
  /** What a person should know of them, though they are taken: sentences. */
  readonly remarks: readonly string[]
}

/** The folder of drop-ins: `x.d` beside `x.toml`. Undefined for standard input. */
export function folderOf(file: string): string | undefined {
  return file === '-' ? undefined : `${file.replace(/\.toml$/, '')}.d`
}

/** The named file, or the default one, which need not exist; and its drop-ins. */
export function readSources(path: string | undefined, readText: ReadText, folders: Folders): Sources {
  const file = path ?? DEFAULT_FILE
  const read = readText(file)
  const isNone = path === undefined && 'unreadable' in read && read.unreadable === 'missing'
  const main: Source[] = isNone ? [] : [{ file, read, isDropIn: false }]
  const remarks = isNone ? [] : openness(file, folders.inspect(file))
  const folder = folderOf(file)
  if (folder === undefined) return { sources: main, remarks }
  const dropIns = readFolder(folder, folders.inspect(file)?.owner, readText, folders)
  return { sources: [...main, ...dropIns.sources], remarks: [...remarks, ...dropIns.remarks] }
}

function readFolder(
  folder: string,
  owner: number | undefined,
  readText: ReadText,
  { list, inspect }: Folders,
): Sources {
  const listed = list(folder)
  if ('unreadable' in listed) {
    const sources = listed.unreadable === 'missing' ? [] : [{ file: folder, read: listed, isDropIn: true }]
    return { sources, remarks: [] }
  }
  const standing = inspect(folder)
  const isForeign = standing?.isForeign === true && standing.owner !== owner
  // In a directory such as /tmp a stranger lays a folder beside the file of somebody else.
  if (isForeign && inspect(dirname(folder))?.isOpen !== false) {
    const because = `it belongs to ${userOf(standing)}, and anybody may make one there`
    return {
      sources: [{ file: folder, read: { unreadable: 'other', because }, isDropIn: true }],
      remarks: [],
    }
  }
  const names = listed.names.filter(isDropIn).sort()
  const standings = names.map(name => [`${folder}/${name}`, inspect(`${folder}/${name}`)] as const)
  const left = listed.names.filter(name => !isDropIn(name) && !isLeftSilently(name)).sort()
  return {
    sources: standings.map(([file, one]) => ({
      file,
      read: whyLeft(one) ?? readText(file),
      isDropIn: true,
    })),
    remarks: [
      ...[[folder, standing] as const, ...standings].flatMap(([file, one]) => remarksOn(file, one, owner)),
      ...left.map(name => `${escapeText(`${folder}/${name}`)} is not read: its name does not end in .toml`),
    ],
  }
}

/** Why it is better not read: its reading might never end. */
export function whyLeft(standing: Standing | undefined): Unreadable | undefined {
  return standing?.kind === 'other' ? SPECIAL : undefined
}

/** Who else may change what it says: sentences. That its owner is who owns the settings is nothing to be told. */
export function remarksOn(file: string, one: Standing | undefined, owner: number | undefined): string[] {
  const isForeign = one?.isForeign === true && one.owner !== owner
  const whose = `${escapeText(file)} belongs to ${userOf(one)}, who may change what it says`
  return [...(isForeign ? [whose] : []), ...openness(file, one)]
}

const SPECIAL: Unreadable = { unreadable: 'other', because: 'it is neither a file nor a link to one' }

function isDropIn(name: string): boolean {
  return name.endsWith('.toml') && !name.startsWith('.')
}

/** What editors and package managers leave, and what explains a folder. */
function isLeftSilently(name: string): boolean {
  return /^\.|^README|~$|^#.*#$|\.(dpkg|ucf|rpm)-?[a-z]+$/.test(name)
}

function userOf(standing: Standing | undefined): string {
  return `user ${standing?.owner}`
}

function openness(file: string, standing: Standing | undefined): string[] {
  return standing?.isOpen && standing.kind !== 'other' ? [`anybody may write to ${escapeText(file)}`] : []
}
