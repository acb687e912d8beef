import assert from 'node:assert/strict'
import { test } from 'node:test'
import { givingBack } from '../../src/system/give-back.ts'

const MB = 1024 * 1024

/** A process that needs so much, whatever garbage there is besides. */
function processNeeding(needs: number) {
  const state = { resident: needs, packets: 0, collected: 0 }
  const memory = {
    resident: () => state.resident,
    collect() {
      state.collected++
      state.resident = needs
    },
  }
  return { state, look: givingBack(memory, () => state.packets) }
}

test('garbage is collected after the start, and then when there are 16 MB of it', () => {
  const { state, look } = processNeeding(60 * MB)
  look()
  assert.equal(state.collected, 1)
  state.resident += 15 * MB
  look()
  assert.equal(state.collected, 1)
  state.resident += 1 * MB
  look()
  look()
  assert.equal(state.collected, 2)
})

test('a flood is not held up: it is collected in a minute in which little came', () => {
  const { state, look } = processNeeding(60 * MB)
  look()
  state.resident += 80 * MB
  for (let minute = 0; minute < 3; minute++) {
    state.packets += 100_000
    look()
  }
  assert.equal(state.collected, 1)
  state.packets += 60
  look()
  assert.equal(state.collected, 2)
})
