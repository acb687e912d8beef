/** Packets of SCTP, by hand, since a kernel may lack it: a common header without checksum and one chunk (RFC 9260, section 3). All bytes are ASCII. */
import type { Outgoing } from '../../src/prove/packets.ts'

const SCTP = 132
/** Types of chunks, and what each carries after its length. */
const CHUNKS = {
  /** Initiate tag, window, streams out and in, first number. */
  init: [1, [0, 0, 0, 1, 0, 0, 16, 0, 0, 1, 0, 1, 0, 0, 0, 1]],
  'init-ack': [2, [0, 0, 0, 2, 0, 0, 16, 0, 0, 1, 0, 1, 0, 0, 0, 1]],
  'cookie-echo': [10, [0, 0, 0, 0]],
  'cookie-ack': [11, []],
  abort: [6, []],
} as const

export interface Association {
  readonly client: string
  readonly server: string
  readonly port: number
}

const CLIENT_PORT = 0x1020

/** What the server sends; verification tags are those that the other side has chosen above. */
export function fromServer({ client, server, port }: Association, chunk: keyof typeof CHUNKS): Outgoing {
  return {
    source: server,
    destination: client,
    protocol: SCTP,
    data: segment(port, CLIENT_PORT, 1, chunk),
  }
}

export function fromClient({ client, server, port }: Association, chunk: keyof typeof CHUNKS): Outgoing {
  const tag = chunk === 'init' ? 0 : 2
  return {
    source: client,
    destination: server,
    protocol: SCTP,
    data: segment(CLIENT_PORT, port, tag, chunk),
  }
}

function segment(from: number, to: number, tag: number, chunk: keyof typeof CHUNKS): string {
  const [type, value] = CHUNKS[chunk]
  const bytes = [from >> 8, from & 255, to >> 8, to & 255, 0, 0, 0, tag, 0, 0, 0, 0]
  return String.fromCharCode(...bytes, type, 0, 0, value.length + 4, ...value)
}
