import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serve } from './server.ts'
import { makeWorld } from './world.ts'

/** A client as a program of its own: connects by TCP, or sends by UDP, `hello`, and prints what it gets. */
const CLIENT = `
import { connect } from 'node:net'
import { createSocket } from 'node:dgram'
const [protocol, address, port] = process.argv.slice(1)
if (protocol === 'tcp') connect(Number(port), address, function () { this.end('hello') }).pipe(process.stdout)
else {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  socket.on('message', message => { console.log(String(message)); socket.close() })
  socket.send('hello', Number(port), address)
}`

test('the server greets and echoes on both families, and only where it was told to', async () => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const client = (...args: string[]) =>
    gate.run([process.execPath, '--input-type=module', '--eval', CLIENT, ...args], { timeout: 5_000 })
  await serve(gate, 'tcp:22', 'udp:53')
  for (const address of ['127.0.0.1', '::1']) {
    assert.equal((await client('tcp', address, '22')).stdout, 'port 22\r\nhello')
    assert.equal((await client('udp', address, '53')).stdout, 'hello\n')
    assert.match((await client('tcp', address, '23')).stderr, /ECONNREFUSED/)
  }
})

test('a server that cannot listen says so', async () => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  await serve(gate, 'tcp:22')
  await assert.rejects(serve(gate, 'tcp:22'), /ended without saying .*EADDRINUSE/s)
})
