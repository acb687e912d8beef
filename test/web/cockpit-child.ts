/**
 * Debian's Cockpit with our package, and a browser that uses it: run by cockpit.test.ts where /usr has both, /run is its own, and nothing of this
 * machine can be reached. Prints as JSON what came of it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { bundlePage } from '../../scripts/bundle.ts'
import { serveControl } from '../../src/surface/control/server.ts'
import { listenAt } from '../../src/system/unix-sockets.ts'
import { openBrowser, openTab } from '../support/browser.ts'
import { PATIENCE } from '../support/process.ts'
import { fly, sampleOf } from '../support/sample-page.ts'

const PORT = 9099
const PAGE = `http://127.0.0.1:${PORT}/cockpit/@localhost/flypaperd/cockpit.html`

await bundlePage('/run/local/cockpit/flypaperd')
const sample = sampleOf([fly(1, { source: '203.0.113.1' })])
const start = () =>
  serveControl('/run/flypaperd/control.sock', sample.served, { listen: listenAt, peerOf: () => 'root' })
const daemon = await start()
const ws = spawn(
  '/usr/lib/cockpit/cockpit-ws',
  [
    ...['--no-tls', '--port', `${PORT}`, '--address', '127.0.0.1'],
    ...['--local-session', '/usr/bin/cockpit-bridge'],
  ],
  {
    stdio: 'ignore',
    env: {
      ...process.env,
      HOME: '/run/home',
      LC_ALL: 'C.UTF-8',
      XDG_RUNTIME_DIR: '/run/home',
      XDG_DATA_DIRS: '/run/local:/usr/share',
    },
  },
)
const isUp = () =>
  fetch(`http://127.0.0.1:${PORT}/`).then(
    () => true,
    () => false,
  )
while (!(await isUp())) await sleep(100)
const browser = await openBrowser()
const { tab, complaints } = await openTab(browser)
tab.setDefaultTimeout(15_000 * PATIENCE)
const row = (source: string) => tab.locator('tbody tr', { hasText: source })
await tab.goto(PAGE)
await tab.getByText('Armed and well').waitFor()
await row('203.0.113.1').waitFor()
sample.tell({ event: 'lockout', ...fly(0, { source: '198.51.100.9' }), text: 'lockout 198.51.100.9' })
await row('198.51.100.9').waitFor()
await tab.getByRole('button', { name: 'Free 198.51.100.9' }).click()
await row('198.51.100.9').waitFor({ state: 'detached' })
await daemon[Symbol.asyncDispose]()
await tab.locator('.banner.bad').waitFor()
sample.flies.unshift(fly(0, { source: '198.51.100.10' }))
await using _again = await start()
await row('198.51.100.10').waitFor()
sample.tell({ event: 'lockout', ...fly(0, { source: '198.51.100.11' }), text: 'lockout 198.51.100.11' })
await row('198.51.100.11').waitFor()
console.log(JSON.stringify({ done: sample.done, complaints: complaints() }))
await browser.close()
ws.kill()
await once(ws, 'close')
process.exit(0)
