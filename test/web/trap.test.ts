/** The page of a real daemon, in a browser: who scans appears, is freed, and is answered again. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { after, test } from 'node:test'
import { openBrowser, openTab } from '../support/browser.ts'
import { type Installation, install } from '../support/daemon.ts'
import { forwardPort } from '../support/page.ts'
import { PATIENCE } from '../support/process.ts'
import { serve } from '../support/server.ts'
import { type Host, makeWorld } from '../support/world.ts'

const PATIENCE_MS = 15_000 * PATIENCE
const SCANNER = '192.0.2.9'
const browser = await openBrowser()
after(() => browser.close())

/** Whether a port of the gate takes a connection. */
async function takes(from: Host, port: number, source = SCANNER): Promise<boolean> {
  const { code } = await from.run(['nc', '-z', '-w', '1', '-s', source, '192.0.2.1', `${port}`])
  return code === 0
}

/** The process of the page, and the link that it prints. */
async function serveWeb(flypaperd: Installation) {
  const web = await flypaperd.launch('web')
  const [, token = ''] = await web.says(/^ {2}http:\/\/localhost:8427\/#([\w-]+)$/, PATIENCE_MS)
  return {
    web,
    token,
    socket: `${flypaperd.directory}-web/web.sock`,
    async [Symbol.asyncDispose]() {
      await web.stop()
      rmSync(`${flypaperd.directory}-web`, { recursive: true, force: true })
    },
  }
}

test('a scan becomes a row, a click frees it, and the port answers again; killed and started, nothing is missed', async () => {
  await using world = await makeWorld()
  const gate = await world.host('gate')
  const scanner = await world.host('scanner')
  await world.link(gate, scanner, {
    a: ['192.0.2.1/24'],
    b: [`${SCANNER}/24`, '192.0.2.10/24', '192.0.2.11/24', '192.0.2.12/24'],
  })
  await serve(gate, 'tcp:22')
  using flypaperd = install(gate, 'capture = "log"\nclosed = "listening"\n')
  let daemon = await flypaperd.start()
  await using page = await serveWeb(flypaperd)
  await using forwarded = await forwardPort(page.socket)
  const { port } = forwarded
  await using opened = await openTab(browser)
  const { tab } = opened
  tab.setDefaultTimeout(PATIENCE_MS)
  const row = (source: string) => tab.getByRole('row', { name: source })
  await tab.goto(`http://localhost:${port}/#${page.token}`)
  await tab.getByText('Armed and well').waitFor()
  await tab.getByText('Nobody is locked out').waitFor()

  assert.equal(await takes(scanner, 22, '192.0.2.12'), true, 'the control: another, who scans nothing')
  await takes(scanner, 9999)
  await row(SCANNER).waitFor()
  assert.equal(await takes(scanner, 22), false)
  await tab.getByRole('button', { name: `The story of ${SCANNER}` }).click()
  await tab.getByText('nothing here takes what was sent to that port').first().waitFor()
  await tab.getByRole('button', { name: 'Close' }).click()
  await tab.getByRole('button', { name: `Free ${SCANNER}` }).click()
  await tab.getByText(`Freed ${SCANNER}`).first().waitFor()
  assert.equal(await takes(scanner, 22), true)
  assert.match(await flypaperd.must('why', SCANNER), /tester/, 'in the name of whose link it is')

  for (const [signal, source] of [
    ['SIGKILL', '192.0.2.10'],
    ['SIGTERM', '192.0.2.11'],
  ] as const) {
    await daemon.stop(signal)
    await tab.locator('.banner.bad').waitFor()
    daemon = await flypaperd.start()
    await flypaperd.must('lock', source, '--because', 'while the page was away')
    await row(source).waitFor()
    await tab.getByText('Armed and well').waitFor()
  }
  assert.deepEqual(opened.complaints(/Failed to load resource/), [])

  const link = await flypaperd.must('web', '--link')
  const [, token = ''] = /localhost:8427\/#([\w-]+)/.exec(link) ?? []
  await using other = await openTab(browser)
  await other.tab.goto(`http://localhost:${port}/#${token}`)
  await other.tab.getByText('Armed and well').waitFor({ timeout: PATIENCE_MS })
  const { code, stderr } = await flypaperd.run('web')
  assert.deepEqual([code, stderr.split('\n')[0]], [69, 'flypaperd: the page is served already'])
})
