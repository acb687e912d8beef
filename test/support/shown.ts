/** What a command shows on terminals of several widths and on a pipe, compared with test/surface/shown/. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { runProgram } from '../../src/surface/cli/program.ts'
import type { System } from '../../src/surface/cli/system.ts'
import type { Terminal } from '../../src/surface/cli/terminal.ts'

const plain = { isTerminal: true, colours: false, isUnicode: true, showsProgress: true }

export const TERMINALS: Readonly<Record<'40' | '80' | '200' | 'pipe', Terminal>> = {
  '40': { ...plain, columns: 40, isUnicode: false },
  '80': { ...plain, columns: 80 },
  '200': { ...plain, columns: 200, colours: true },
  pipe: { ...plain, isTerminal: false, columns: Number.POSITIVE_INFINITY, showsProgress: false },
}

/** Both streams in the order of writing. */
export async function shown(
  args: readonly string[],
  terminal: Terminal,
  system: Omit<System, 'terminal'>,
  told = (_soFar: string) => {},
): Promise<string> {
  let written = ''
  const write = (text: string) => {
    written += text
    told(written)
  }
  await runProgram(args, () => ({ ...system, terminal }), { out: write, err: write })
  return written
}

/** With UPDATE in the environment the file is written. */
export function compare(file: string, text: string): void {
  if (process.env.UPDATE) writeFileSync(file, text)
  assert.equal(text, readFileSync(file, 'utf8'))
}
