/** One guest: Debian's kernel under QEMU's software emulation, the host's root read-only, all it says on a serial line. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BOOTED } from './outcome.ts'

export interface Guest {
  /** Where kernel.sh has put the kernel. */
  readonly kernel: string
  /** An empty folder for the serial line. */
  readonly scratch: string
  /** Words for init.sh, after `flypaperd.` on the kernel's command line. */
  readonly words: Readonly<Record<string, string>>
  /** Milliseconds until it is killed. */
  readonly limit: number
  /** An image that it boots from, and boots again when it likes; without one, a reboot is the end. */
  readonly disk?: string
  /** Another one than the kernel's. */
  readonly initramfs?: string
}

/** Five to ten seconds are usual. */
const BOOT_LIMIT = 120_000

/**
 * Boots the guest, prints what it says, and resolves to that when it is gone. It goes with us in any case, also by
 * SIGKILL. KVM is not tried: where its guests hang, only the time says so, and a pass should mean the same everywhere.
 */
export async function runGuest({ kernel, scratch, words, limit, ...guest }: Guest): Promise<string> {
  const serial = join(scratch, 'serial')
  const append = Object.entries(words).map(([name, value]) => `flypaperd.${name}=${value}`)
  const machine = ['-M', 'q35', '-cpu', 'max', '-accel', 'tcg,thread=multi', '-smp', '2', '-m', '2048']
  const boot = ['-kernel', join(kernel, 'vmlinuz'), '-initrd', guest.initramfs ?? join(kernel, 'initramfs')]
  const drive = `file=${guest.disk},if=virtio,format=raw,cache=unsafe`
  const disk = guest.disk === undefined ? ['-no-reboot'] : ['-drive', drive]
  const root = 'local,id=host,path=/,security_model=none,readonly=on,multidevs=remap'
  const began = Date.now()
  const qemu = spawn(
    'setpriv',
    [
      ...['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...machine, ...boot, ...disk],
      ...['-nodefaults', '-display', 'none', '-serial', `file:${serial}`],
      ...['-append', ['console=ttyS0', 'quiet', 'panic=-1', ...append].join(' ')],
      ...['-fsdev', root, '-device', 'virtio-9p-pci,fsdev=host,mount_tag=host'],
      ...['-object', 'rng-random,id=rng,filename=/dev/urandom', '-device', 'virtio-rng-pci,rng=rng'],
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  )
  const kill = () => qemu.kill('SIGKILL')
  process.once('exit', kill)
  let isOver = false
  const ended = new Promise<void>((resolve, reject) => {
    qemu.once('exit', () => resolve())
    qemu.once('error', reject)
  }).finally(() => {
    isOver = true
  })
  let said = ''
  while (!isOver) {
    await Promise.race([ended, sleep(500)])
    const text = textOf(serial)
    process.stdout.write(text.slice(said.length))
    said = text
    const passed = Date.now() - began
    if (isOver || (passed < limit && (passed < BOOT_LIMIT || BOOTED.test(said)))) continue
    console.log(`vm: killed after ${(passed / 60_000).toFixed(1)} minutes`)
    kill()
    await ended
  }
  process.off('exit', kill)
  return said
}

function textOf(serial: string): string {
  try {
    return readFileSync(serial, 'utf8').replaceAll('\r', '')
  } catch {
    return '' // Not booted yet.
  }
}
