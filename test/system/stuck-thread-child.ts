/** The thread of the history, which hangs after each job while the gate is shut. */
import { type MessagePort, workerData } from 'node:worker_threads'
import '../../src/system/history-thread.ts'

const { gate, port } = workerData as { gate: Int32Array; port: MessagePort }
port.on('message', () => void Atomics.wait(gate, 0, 1))
