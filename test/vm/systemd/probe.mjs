/** Run inside the sandbox of the unit, and outside as the control: what can be written, reached and started. */
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'

const NOT_LOOKED_INTO = ['/proc', '/sys', '/host']

function folders(folder, depth) {
  if (depth === 0 || NOT_LOOKED_INTO.includes(folder)) return []
  try {
    const entries = readdirSync(folder, { withFileTypes: true })
    const inside = entries
      .filter(entry => entry.isDirectory())
      .map(({ name }) => `${folder === '/' ? '' : folder}/${name}`)
    return [folder, ...inside.flatMap(path => folders(path, depth - 1))]
  } catch {
    return [folder]
  }
}

function isWritable(folder) {
  const file = `${folder}/flypaperd-probe`
  try {
    writeFileSync(file, '')
    rmSync(file)
    return true
  } catch {
    return false
  }
}

function starts(program, ...args) {
  return spawnSync(program, [...args, '-c', 'exit 0']).status === 0
}

/** A program of its own making, where it may write. */
function startsCopy() {
  const copy = `${process.env.STATE_DIRECTORY ?? '/var/tmp'}/probe-copy`
  try {
    copyFileSync('/bin/sh', copy)
    chmodSync(copy, 0o755)
    return starts(copy)
  } finally {
    rmSync(copy, { force: true })
  }
}

const reaches = address =>
  new Promise(resolve => {
    const socket = connect(22, address)
    socket.on('connect', () => resolve(true) || socket.destroy())
    socket.on('error', () => resolve(false))
  })

const found = {
  writable: folders('/', 4).filter(isWritable),
  shell: starts('/bin/sh'),
  // The loader has to be executable; what it loads has to be as well.
  shellByLoader: starts('/lib64/ld-linux-x86-64.so.2', '/bin/sh'),
  copy: startsCopy(),
  reached: await reaches('127.0.0.1'),
}
console.log(`probe ${JSON.stringify(found)}`)
