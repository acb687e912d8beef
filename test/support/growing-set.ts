/**
 * A program that makes a set of `table inet filter` grow, by the numbers of 10.0.0.0/8 from one to another, as fast as a flood does: as a
 * process of its own, since a listing in this one must go on meanwhile.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { openElements, type SetElement } from '../../packages/nfnetlink/src/index.ts'

const PIECE = 250
const HOUR_MS = 3_600_000

/** 10.0.0.0 and those that follow it. */
export function numbered(from: number, to: number): SetElement[] {
  return Array.from({ length: to - from }, (_, i) => ({ key: 0x0a00_0000 + from + i, timeoutMs: HOUR_MS }))
}

export function addNumbered(set: string, from: number, to: number): void {
  using elements = openElements('filter')
  for (let at = from; at < to; at += PIECE)
    elements.change([{ op: 'add', set, elements: numbered(at, Math.min(to, at + PIECE)) }])
}

/** Begins at once, in this network namespace. */
export function growing(set: string, from: number, to: number): ChildProcess {
  return spawn(process.execPath, [import.meta.filename, set, String(from), String(to)], { stdio: 'inherit' })
}

if (import.meta.main) {
  const [set, from, to] = process.argv.slice(2)
  for (let at = Number(from); at < Number(to); at += PIECE) {
    addNumbered(set!, at, at + PIECE)
    await sleep(2)
  }
}
