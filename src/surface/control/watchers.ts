/** Those who watch the events over the socket: a bounded number, each with a bounded buffer. */
import type { ServerResponse } from 'node:http'
import type { Served } from './protocol.ts'

export const WATCHERS_MAX = 16
/** Bytes that wait for one watcher, at most. Whoever is slower loses lines and is told how many. */
export const WATCHER_BYTES = 256 * 1024

export interface Watchers {
  /** As many as there may be. */
  isFull(): boolean
  add(response: ServerResponse): void
  /** Ends all of them. */
  end(): void
}

export function openWatchers(watch: Served['watch']): Watchers {
  const responses = new Set<ServerResponse>()
  return {
    isFull: () => responses.size >= WATCHERS_MAX,
    add(response) {
      responses.add(response)
      const watching = watch(lineWriter(response))
      response.once('close', () => {
        watching[Symbol.dispose]()
        responses.delete(response)
      })
    },
    end() {
      for (const response of responses) response.end()
    },
  }
}

function lineWriter(response: ServerResponse): (line: string) => void {
  let lost = 0
  const tell = () => {
    if (lost === 0) return
    const text = `${lost} events were lost: this watcher reads too slowly`
    response.write(`${JSON.stringify({ at: new Date().toISOString(), event: 'lost', text, lines: lost })}\n`)
    lost = 0
  }
  response.on('drain', tell)
  return line => {
    if (response.writableEnded) return
    if (response.writableLength > WATCHER_BYTES) lost++
    else {
      tell()
      response.write(`${line}\n`)
    }
  }
}
