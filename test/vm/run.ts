/**
 * `npm run test:vm`: boots Debian's own kernel, which has nft_queue, under QEMU's software emulation, with this
 * machine's root read-only and a memory file system over it, and runs tests inside. Nothing of the guest is left.
 *
 * Arguments: test files; without, those of `npm run test:vm`. KVM is not tried: where its guests hang, nothing says so.
 */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const TESTS = [
  'test/vm/inside/queue.test.ts',
  'test/rulesets/golden.test.ts',
  'test/kernel/first-lockout.test.ts',
  'test/kernel/scans.test.ts',
  'test/kernel/burst.test.ts',
  'test/kernel/forwarded.test.ts',
]
/** Everything is slower inside, JavaScript most of all. */
const PATIENCE = 20
const LIMIT_MINUTES = 25

process.chdir(new URL('../..', import.meta.url).pathname)
const cache = resolve('node_modules/.cache/flypaperd-vm')
const release = execFileSync('sh', ['test/vm/kernel.sh', cache], { stdio: ['ignore', 'pipe', 'inherit'] })
  .toString()
  .trim()
const directory = mkdtempSync(join(tmpdir(), 'flypaperd-vm-'))
try {
  process.exitCode = await boot(process.argv.length > 2 ? process.argv.slice(2) : TESTS)
} finally {
  rmSync(directory, { recursive: true })
}

/** Resolves to the exit status of the tests inside; 1 when the guest did not come to an end. */
async function boot(tests: readonly string[]): Promise<number> {
  const began = Date.now()
  const serial = join(directory, 'serial')
  const words = {
    console: 'ttyS0',
    quiet: undefined,
    panic: '-1',
    'flypaperd.checkout': process.cwd(),
    'flypaperd.modules': `${cache}/root/lib/modules`,
    'flypaperd.patience': String(PATIENCE),
    'flypaperd.tests': tests.join(','),
  }
  const append = Object.entries(words).map(([word, value]) =>
    value === undefined ? word : `${word}=${value}`,
  )
  console.log(`vm: Linux ${release}, software emulation, ${tests.length} test files`)
  const qemu = spawn(
    'qemu-system-x86_64',
    [
      ...['-M', 'q35', '-cpu', 'max', '-accel', 'tcg,thread=multi', '-smp', '2', '-m', '2048'],
      ...['-nodefaults', '-display', 'none', '-no-reboot', '-serial', `file:${serial}`],
      ...[
        '-kernel',
        join(cache, 'vmlinuz'),
        '-initrd',
        join(cache, 'initramfs'),
        '-append',
        append.join(' '),
      ],
      ...['-fsdev', 'local,id=host,path=/,security_model=none,readonly=on,multidevs=remap'],
      ...['-device', 'virtio-9p-pci,fsdev=host,mount_tag=host'],
      ...['-object', 'rng-random,id=rng,filename=/dev/urandom', '-device', 'virtio-rng-pci,rng=rng'],
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  )
  const kill = () => qemu.kill('SIGKILL')
  process.once('exit', kill)
  const ended = new Promise<void>(done => qemu.once('exit', () => done()))
  let isOver = false
  void ended.then(() => {
    isOver = true
  })
  let shown = 0
  while (!isOver && Date.now() - began < LIMIT_MINUTES * 60_000) {
    await Promise.race([ended, sleep(500)])
    shown = show(serial, shown)
  }
  if (!isOver) console.log(`vm: no end after ${LIMIT_MINUTES} minutes, killed`)
  kill()
  await ended
  console.log(`vm: ${((Date.now() - began) / 60_000).toFixed(1)} minutes`)
  return Number(/^vm: exit status (\d+)/m.exec(textOf(serial))?.[1] ?? 1)
}

function textOf(serial: string): string {
  try {
    return readFileSync(serial, 'utf8').replaceAll('\r', '')
  } catch {
    return '' // not booted yet
  }
}

function show(serial: string, from: number): number {
  const text = textOf(serial)
  process.stdout.write(text.slice(from))
  return text.length
}
