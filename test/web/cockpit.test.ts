/** The same files as a package of Debian's real Cockpit: a lockout appears, one click frees, and a daemon that was away is back. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { must } from '../support/process.ts'

const ROOT = '.cache/cockpit/root'
const skip = existsSync(`${ROOT}/usr/lib/cockpit/cockpit-ws`)
  ? false
  : 'there is no Cockpit: sh scripts/setup.sh web'
/** Cockpit's files appear in /usr, for this process and those below it alone; so does a network without anybody. */
const SCRIPT = `set -e
mount -t overlay overlay -o lowerdir="$1/usr:/usr" /usr
mount -t tmpfs tmpfs /run
mkdir -p /run/flypaperd /run/home
ip link set lo up
exec "$2" "$3"`

test('in Cockpit, by its own login: who is locked out, and free with one click', { skip }, async () => {
  const child = new URL('cockpit-child.ts', import.meta.url).pathname
  const own = ['unshare', '--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc']
  const run = [...own, 'sh', '-c', SCRIPT, 'sh', resolve(ROOT), process.execPath, child]
  const out = await must(run, { timeout: 60_000 })
  assert.deepEqual(JSON.parse(out), {
    done: [{ who: ['198.51.100.9'], by: 'root' }],
    complaints: [],
  })
})
