/** How long others wait for their answer while the daemon carries out an order: the longest time that its event loop stands still. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '../../src/surface/control/client.ts'

export interface Asked<T> {
  readonly answer: T
  /** Milliseconds that the order took. */
  readonly took: number
  /** Questions of others that were answered meanwhile. */
  readonly answered: number
  /** Milliseconds that the slowest of them took. */
  readonly longest: number
}

/** Somebody asks for the status all the time, one question after the other. */
export async function whileOthersAsk<T>(control: Client, act: () => Promise<T>): Promise<Asked<T>> {
  let isOver = false
  let answered = 0
  let longest = 0
  const asking = (async () => {
    while (!isOver) {
      const began = performance.now()
      await control.status()
      longest = Math.max(longest, performance.now() - began)
      answered++
      await sleep(1)
    }
  })()
  await sleep(20)
  answered = longest = 0
  const began = performance.now()
  const answer = await act().finally(() => {
    isOver = true
  })
  const took = performance.now() - began
  await asking
  return { answer, took: Math.round(took), answered, longest: Math.round(longest) }
}
