/** The image, built by the Dockerfile and run in a network namespace: not as root, with one capability. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { must, type Running } from '../support/process.ts'
import { send } from '../support/sender.ts'
import { makeWorld } from '../support/world.ts'
import { packages } from './package.ts'

const GATE = '192.0.2.1'
const FLY = '198.18.0.7'
const folder = mkdtempSync(join(tmpdir(), 'flypaperd-image-'))
const world = await makeWorld()
const gate = await world.host('gate')
const scanner = await world.host('scanner')
await world.link(gate, scanner, { a: [`${GATE}/24`], b: ['192.0.2.9/24'] })
await gate.route('198.18.0.0/16', '192.0.2.9')

writeFileSync(
  join(folder, 'containers.conf'),
  '[containers]\ndefault_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]\n',
)
writeFileSync(join(folder, 'flypaperd.toml'), 'boot_grace = "0s"\n')
const env = { CONTAINERS_CONF: join(folder, 'containers.conf') }
/** Storage and settings of the test's own; no systemd, and no cgroups to set up. */
const PODMAN = [
  'podman',
  '--root',
  `${folder}/storage`,
  '--runroot',
  `${folder}/run`,
  '--cgroup-manager',
  'cgroupfs',
]
/** Mounts are made in a namespace that goes with the test. */
const mounts = await gate.start([
  'unshare',
  '--mount',
  'sh',
  '-c',
  'umount /sys/fs/cgroup/unified 2>&-; echo up; exec cat',
])
await mounts.says(/up/)
const inside = (net: number, args: readonly string[]) => [
  ...['nsenter', `--mount=/proc/${mounts.pid}/ns/mnt`, `--net=/proc/${net}/ns/net`, `--wd=${process.cwd()}`],
  ...PODMAN,
  ...args,
]
/** In the gate's network. */
const podman = (...args: string[]) => must(inside(mounts.pid, args), { env, timeout: 110_000 })
/** In this machine's own, where packages can be fetched from; no network is made there. */
const build = (...args: string[]) => must(inside(process.pid, args), { env, timeout: 110_000 })
const RUN = [
  ...[
    '--name',
    'trap',
    '--network',
    'host',
    '--cap-drop',
    'ALL',
    '--cap-add',
    'NET_ADMIN',
    '--read-only',
    '--tty',
  ],
  ...['--volume', 'run:/run/flypaperd', '--volume', 'history:/var/lib/flypaperd'],
  ...['--volume', `${folder}/flypaperd.toml:/etc/flypaperd/flypaperd.toml:ro`],
]
const start = async (): Promise<Running> => {
  const daemon = await gate.start(inside(mounts.pid, ['run', '--rm', ...RUN, 'flypaperd']), { env })
  await daemon.says(/trap armed/)
  return daemon
}

after(async () => {
  await podman('system', 'reset', '--force').catch(() => {})
  mounts.closeInput()
  await world[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

test('it is built from the package, on a Debian 12', async t => {
  const { cache } = await packages()
  // No registry is asked: this stands for the image of that name.
  await build('import', '--quiet', `${cache}/base.tar`, 'docker.io/library/debian:bookworm-slim')
  await build(
    'build',
    '--quiet',
    '--isolation=chroot',
    '--format=docker',
    '--tag=flypaperd',
    '--file=docker/Dockerfile',
    'build',
  )
  const sizes = JSON.parse(await podman('image', 'inspect', 'flypaperd', 'debian:bookworm-slim')) as {
    Size: number
  }[]
  const [image, base] = sizes.map(({ Size }) => Math.round(Size / 1e6))
  t.diagnostic(`${image} MB, of which the base is ${base} MB`)
})

test('no compiler and no npm in it, and it is not root', async () => {
  const script = 'id -u; for program in flypaperd npm cc gcc make python3; do command -v $program; done; :'
  const output = await podman('run', '--rm', '--network=none', '--entrypoint=sh', 'flypaperd', '-c', script)
  assert.equal(output, '997\n/usr/bin/flypaperd\n')
})

test('a scanner sticks; the health check; the flies are there again after a restart', async () => {
  const daemon = await start()
  await send(scanner, { bursts: [[{ source: FLY, destination: GATE, tcp: 81 }]], wait: 0 })
  await daemon.says(/lockout 198\.18\.0\.7, who tried TCP-port 81/)
  await podman('healthcheck', 'run', 'trap')
  assert.match(await gate.must(['nft', 'list', 'set', 'inet', 'filter', 'flypaper']), /198\.18\.0\.7/)
  await podman('stop', 'trap')
  await daemon.ended
  assert.doesNotMatch(await gate.must(['nft', 'list', 'ruleset']), /flypaper_early/, 'disarmed')
  await gate.must(['nft', 'flush', 'ruleset'])

  const next = await start()
  assert.match(await gate.must(['nft', 'list', 'set', 'inet', 'filter', 'flypaper']), /198\.18\.0\.7/)
  await podman('exec', 'trap', 'flypaperd', 'free', FLY)
  assert.doesNotMatch(await gate.must(['nft', 'list', 'set', 'inet', 'filter', 'flypaper']), /198\.18\.0\.7/)
  await podman('stop', 'trap')
  await next.ended
})
