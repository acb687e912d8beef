import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { CORE } from './core.ts'
import { MIDDLE } from './middle.ts'
import { ruleMutants } from './rules.ts'

test('each mutant finds in the code what it breaks', () => {
  const isWhole = ({ file, change }: (typeof CORE)[number]) => {
    const text = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
    return text.replace(...(change as [string, string])) === text
  }
  assert.deepEqual([...CORE, ...MIDDLE, ...ruleMutants()].filter(isWhole), [])
})
