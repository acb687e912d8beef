/** Those who watch the events over the socket: a bounded number, each with a bounded buffer. */
import type { Writable } from 'node:stream'
import type { Served } from './protocol.ts'

/** With those who follow the feed (followers.ts). */
export const WATCHERS_MAX = 16
/** Bytes that wait for one watcher, at most. Whoever is slower loses lines and is told how many. */
export const WATCHER_BYTES = 256 * 1024
/** Lines of one turn of the event loop are written at once, and earlier when they are as long as this. */
const GATHERED_BYTES = 64 * 1024

export interface Watchers {
  count(): number
  add(stream: Writable): void
  /** Ends all of them. */
  end(): void
}

export function openWatchers(watch: Served['watch']): Watchers {
  const watchers = new Map<Writable, (text: string, lines: number) => void>()
  let watching: Disposable | undefined
  let gathered: string[] = []
  let length = 0
  let flushing: NodeJS.Immediate | undefined

  /** A flood brings thousands of lines a second, and each write to each watcher is a system call. */
  function gather(line: string): void {
    gathered.push(`${line}\n`)
    length += line.length
    if (length >= GATHERED_BYTES) flush()
    else flushing ??= setImmediate(flush)
  }

  function flush(): void {
    clearImmediate(flushing)
    flushing = undefined
    const lines = gathered
    if (lines.length === 0) return
    gathered = []
    length = 0
    const text = lines.join('')
    for (const write of watchers.values()) write(text, lines.length)
  }

  return {
    count: () => watchers.size,
    add(stream) {
      flush() // Who comes now is told of what happens from now on.
      watchers.set(stream, linesWriter(stream))
      watching ??= watch(gather)
      stream.once('close', () => {
        watchers.delete(stream)
        if (watchers.size > 0) return
        watching?.[Symbol.dispose]()
        watching = undefined
      })
    },
    end() {
      flush()
      for (const stream of watchers.keys()) stream.end()
    },
  }
}

function linesWriter(stream: Writable): (text: string, lines: number) => void {
  let lost = 0
  const tell = () => {
    if (lost === 0) return
    const text = `${lost} events were lost: this watcher reads too slowly`
    stream.write(`${JSON.stringify({ at: new Date().toISOString(), event: 'lost', text, lines: lost })}\n`)
    lost = 0
  }
  stream.on('drain', tell)
  return (text, lines) => {
    if (stream.writableEnded || stream.destroyed) return
    if (stream.writableLength > WATCHER_BYTES) lost += lines
    else {
      tell()
      stream.write(text)
    }
  }
}
