/** UDP datagrams over loopback, and waiting for what they cause. */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { setTimeout as sleep } from 'node:timers/promises'
import { PATIENCE } from '../../../test/support/process.ts'

/** Sends these texts to 127.0.0.1; resolves when the kernel has taken the last one. */
export async function sendUdp(port: number, ...texts: (string | Uint8Array)[]): Promise<void> {
  const socket = createSocket('udp4')
  try {
    for (const text of texts)
      await new Promise<void>((resolve, reject) =>
        socket.send(text, port, '127.0.0.1', error => (error ? reject(error) : resolve())),
      )
  } finally {
    socket.close()
  }
}

/** The data of an IPv4 UDP packet without options. */
export function udpText(payload: Uint8Array): string {
  return Buffer.from(payload.subarray(28)).toString()
}

/** Rejects when it is not true within a few seconds. */
export async function until(what: string, isTrue: () => boolean, milliseconds = 5000): Promise<void> {
  const deadline = performance.now() + milliseconds * PATIENCE
  while (!isTrue()) {
    assert.ok(performance.now() < deadline, `never: ${what}`)
    await sleep(5)
  }
}
