/** The files from which rulesets are loaded at boot, by Debian's nftables.service and by others, and which of them hold the trap itself. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isBaked } from '../doctor/baked.ts'
import { readText } from './files.ts'

const FILES = ['/etc/nftables.conf', '/etc/sysconfig/nftables.conf']
const DIRECTORIES = ['/etc/nftables.d', '/etc/nftables']
/** Files of one directory that are looked at, at most, and what is read of each: a listing with many flies is long. */
const MOST = { files: 100, bytes: 16 * 1024 * 1024 }

export function findBaked(): readonly string[] {
  return [...FILES, ...DIRECTORIES.flatMap(filesIn)].filter(path => {
    const file = readText(path, MOST.bytes)
    return 'text' in file && isBaked(file.text)
  })
}

function filesIn(directory: string): string[] {
  try {
    const names = readdirSync(directory).sort().slice(0, MOST.files)
    return names.map(name => join(directory, name))
  } catch {
    return []
  }
}
