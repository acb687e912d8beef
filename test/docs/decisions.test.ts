import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

const FOLDER = 'docs/decisions'
const index = readFileSync(`${FOLDER}/README.md`, 'utf8')

test('every decision is in the index, by its number and title, with a status', () => {
  const rows = [...index.matchAll(/^\| (\d+) \| \[(.+?)\]\((.+?)\) \| (.+) \|$/gm)].map(
    ([, ...cells]) => cells,
  )
  const files = readdirSync(FOLDER).filter(name => /^\d/.test(name))
  assert.deepEqual(
    rows.map(([, , file]) => file),
    files.sort(),
  )
  for (const [number, title, file, status] of rows) {
    assert.equal(Number(number), Number.parseInt(file!, 10))
    assert.ok(readFileSync(`${FOLDER}/${file}`, 'utf8').startsWith(`# ${number}. ${title}\n`), file)
    assert.match(status!, /^(in force|superseded)\b/)
  }
})
