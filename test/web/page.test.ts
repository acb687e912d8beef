/** The page in a browser, beside a daemon of which the test says what it answers. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import axe from 'axe-core'
import type { LockRequest } from '../../src/surface/control/protocol.ts'
import { type Look, openBrowser, openTab, type Tab } from '../support/browser.ts'
import { forwardPort, pageBeside } from '../support/page.ts'
import { broken, empty, fly, full, type Sample, sampleOf } from '../support/sample-page.ts'

const browser = await openBrowser()
after(() => browser.close())

/** What chromium says by itself of a request that was refused or not answered. */
const NOT_ANSWERED = /Failed to load resource/

/** The page of this daemon in a tab, opened by a link. */
async function openPage(sample: Sample, look: Look = {}) {
  const opening = new AsyncDisposableStack()
  const page = opening.use(await pageBeside(sample.served))
  const { port } = opening.use(await forwardPort(page.socket))
  const { tab, complaints } = opening.use(await openTab(browser, look))
  const url = `http://localhost:${port}/`
  await tab.goto(`${url}#${page.link()}`)
  return { ...page, tab, url, complaints, [Symbol.asyncDispose]: () => opening.disposeAsync() }
}

const rowOf = (tab: Tab, source: string) => tab.locator('tbody tr', { hasText: source })

test('a lockout appears, is freed with one click, and locked out again by the undo, as it was', async () => {
  const sample = sampleOf([fly(1, { source: '203.0.113.1', until: 'forever' })])
  await using page = await openPage(sample)
  const { tab } = page
  await rowOf(tab, '203.0.113.1').waitFor()
  assert.equal(await rowOf(tab, '198.51.100.9').count(), 0)
  const { id: _, ...come } = fly(0, { source: '198.51.100.9' })
  sample.flies.unshift({ id: 1, ...come })
  sample.tell({ event: 'lockout', ...come, text: 'lockout 198.51.100.9' })
  await rowOf(tab, '198.51.100.9').waitFor()
  await tab.getByRole('button', { name: 'Free 203.0.113.1' }).click()
  await tab.getByText('Freed 203.0.113.1').first().waitFor()
  await rowOf(tab, '203.0.113.1').waitFor({ state: 'detached' })
  assert.deepEqual(sample.done, [{ who: ['203.0.113.1'], by: 'anna' }])
  await tab.getByRole('button', { name: 'Undo' }).click()
  await rowOf(tab, '203.0.113.1').waitFor()
  const [, again] = sample.done as [unknown, LockRequest]
  assert.deepEqual(again.lockouts, [{ who: '203.0.113.1', seconds: 'forever' }])
  assert.equal(again.exact, true)
  assert.deepEqual(page.complaints(), [])
})

test('several are selected and freed at once, by the keyboard alone', async () => {
  const sample = sampleOf([1, 2, 3].map(n => fly(n, { source: `203.0.113.${n}` })))
  await using page = await openPage(sample)
  const { tab } = page
  for (const n of [1, 3]) {
    await tab.getByRole('checkbox', { name: `Select 203.0.113.${n}` }).focus()
    await tab.keyboard.press('Space')
  }
  await tab.getByRole('button', { name: 'Free 2 sources' }).focus()
  await tab.keyboard.press('Enter')
  await rowOf(tab, '203.0.113.1').waitFor({ state: 'detached' })
  assert.deepEqual(sample.done, [{ who: ['203.0.113.1', '203.0.113.3'], by: 'anna' }])
  assert.equal(await rowOf(tab, '203.0.113.2').count(), 1)
})

test('somebody is locked out by hand, and what the daemon refuses is told in words', async () => {
  const sample = sampleOf([])
  await using page = await openPage(sample)
  const { tab } = page
  await tab.getByText('That is good news: nobody tried').waitFor()
  await tab.getByText('Lock out by hand').click()
  await tab.getByLabel('Address or prefix to lock out').fill('203.0.113.5')
  await tab.getByLabel('Why', { exact: true }).fill('it is enough')
  await tab.getByRole('button', { name: 'Lock out' }).click()
  await rowOf(tab, '203.0.113.5').waitFor()
  assert.deepEqual(sample.done, [{ lockouts: [{ who: '203.0.113.5' }], because: 'it is enough', by: 'anna' }])
  sample.served.lock = async () => ({ locked: [], kept: [], refused: [{ who: '192.0.2.1', why: 'near' }] })
  await tab.getByLabel('Address or prefix to lock out').fill('192.0.2.1')
  await tab.getByRole('button', { name: 'Lock out' }).click()
  await tab.getByText('Not locked out: 192.0.2.1, since it is this host').first().waitFor()
})

test('who is searched for is asked of the daemon; what comes meanwhile waits', async () => {
  const sample = full()
  await using page = await openPage(sample)
  const { tab } = page
  await tab.getByRole('button', { name: 'Show more' }).waitFor()
  await tab.getByLabel('Port', { exact: true }).fill('2323')
  await tab.getByRole('button', { name: 'Search' }).click()
  const rows = tab.locator('tbody td.act')
  await rows.nth(25).waitFor({ state: 'detached' })
  assert.equal(await rows.count(), 17, 'of 137')
  sample.tell({ event: 'lockout', ...fly(0, { source: '198.51.100.7' }), text: 'lockout 198.51.100.7' })
  await tab.getByRole('button', { name: '1 newer lockout' }).waitFor()
  assert.equal(await rowOf(tab, '198.51.100.7').count(), 0)
  await tab.getByRole('button', { name: 'Clear' }).click()
  await tab.getByRole('button', { name: 'Show more' }).click()
  await rows.nth(110).waitFor()
})

test('paused, nothing moves, and then all of it comes', async () => {
  const sample = sampleOf([])
  await using page = await openPage(sample)
  const { tab } = page
  await tab.getByText('Armed and well').waitFor()
  await tab.getByRole('button', { name: 'Pause' }).click()
  for (let n = 0; n < 3; n++)
    sample.tell({
      event: 'lockout',
      ...fly(n, { source: `198.51.100.${n}` }),
      text: `lockout 198.51.100.${n}`,
    })
  await tab.getByText('3 events wait').waitFor()
  assert.equal(await rowOf(tab, '198.51.100.').count(), 0)
  await tab.getByRole('button', { name: 'Go on' }).click()
  await rowOf(tab, '198.51.100.2').waitFor()
  assert.equal(await rowOf(tab, '198.51.100.').count(), 3)
})

/** What strangers, and people who write notes, might like to be taken for more than text. */
const NASTY = '<img src=x onerror=alert(1)><b>bold</b>\u202egnp.exe\u2066 "&amp;'

test('texts of others are text: no tag, and no turning round of what stands beside', async () => {
  const row = fly(1, { source: '203.0.113.1', because: NASTY, note: NASTY, by: NASTY })
  const sample = sampleOf([row])
  await using page = await openPage(sample)
  const { tab } = page
  await rowOf(tab, '203.0.113.1').waitFor()
  sample.tell({ event: 'spared', text: NASTY, source: NASTY })
  await tab.locator('.events li').waitFor()
  await tab.getByRole('button', { name: 'The story of 203.0.113.1' }).click()
  await tab.locator('dialog .happenings li').first().waitFor()
  assert.equal(await tab.locator('main b, dialog b, main img').count(), 0)
  for (const where of ['.note', '.events bdi', '.happenings'])
    assert.match(
      (await tab.locator(where).first().textContent()) ?? '',
      /<b>bold<\/b>\\u\{202e\}gnp\.exe/,
      where,
    )
  assert.doesNotMatch((await tab.locator('body').textContent()) ?? '', /[\u202a-\u202e\u2066-\u2069]/)
  assert.deepEqual(page.complaints(), [])
})

test('a daemon that ends is told, and when it is back the page goes on by itself with what was missed', async () => {
  const sample = sampleOf([fly(1, { source: '203.0.113.1' })])
  await using page = await openPage(sample)
  const { tab } = page
  await rowOf(tab, '203.0.113.1').waitFor()
  const again = await page.stop()
  await tab.getByText('Connection lost').first().waitFor()
  await tab.getByText('the daemon is not running').waitFor()
  sample.flies.unshift(fly(0, { source: '203.0.113.2' }))
  assert.equal(await rowOf(tab, '203.0.113.2').count(), 0)
  await again()
  await rowOf(tab, '203.0.113.2').waitFor()
  await tab.getByText('Armed and well').waitFor()
  await tab.locator('.banner').waitFor({ state: 'detached' })
  assert.deepEqual(page.complaints(NOT_ANSWERED), [])
})

test('the link is worth nothing after it was opened; without one the page says how to get one', async () => {
  const sample = sampleOf([fly(1, { source: '203.0.113.1' })])
  await using page = await openPage(sample)
  await rowOf(page.tab, '203.0.113.1').waitFor()
  assert.equal(page.tab.url(), page.url, 'and is not in the address bar')
  await page.tab.reload()
  await rowOf(page.tab, '203.0.113.1').waitFor()
  const used = page.link()
  for (const isNew of [true, false]) {
    await using other = await openTab(browser)
    await other.tab.goto(`${page.url}#${used}`)
    if (isNew) await rowOf(other.tab, '203.0.113.1').waitFor()
    else await other.tab.getByText('sudo flypaperd web --link').waitFor()
    assert.equal(await rowOf(other.tab, '203.0.113.1').count(), isNew ? 1 : 0)
  }
})

test('times are those of the zone of who reads', async () => {
  const at = new Date('2026-01-02T03:04:05Z').toISOString()
  for (const [zone, shown] of [
    ['Europe/Berlin', '2 Jan, 04:04'],
    ['America/New_York', '1 Jan, 22:04'],
  ] as const) {
    await using page = await openPage(sampleOf([fly(1, { source: '203.0.113.1', since: at })]), { zone })
    await rowOf(page.tab, '203.0.113.1').getByText(shown).waitFor()
  }
})

for (const [name, make] of Object.entries({ full, empty, broken }))
  test(`whoever reads with a keyboard or by ear can: ${name}, narrow and wide, light and dark`, async () => {
    for (const look of [
      { width: 1280, colours: 'light' },
      { width: 390, colours: 'dark' },
    ] as const) {
      const sample = make()
      await using page = await openPage(sample, look)
      const { tab } = page
      await tab.getByText(name === 'broken' ? '2 things are missing' : 'Armed and well').waitFor()
      await tab
        .getByText(name === 'empty' ? 'No attackers in 60 days' : '12,871 attackers')
        .first()
        .waitFor()
      if (name === 'full') {
        sample.tell({ event: 'lockout', ...fly(0), text: 'lockout' })
        await tab.getByText('Lock out by hand').click()
        await tab
          .getByRole('button', { name: /^The story of/ })
          .first()
          .click()
        await tab.locator('dialog .happenings li').first().waitFor()
      }
      // By the debugger's way in: the page itself lets no script in.
      await tab.evaluate(axe.source)
      const { violations } = await tab.evaluate(() =>
        (globalThis as unknown as { axe: { run(): Promise<{ violations: Finding[] }> } }).axe.run(),
      )
      const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`)
      assert.deepEqual(told, [], JSON.stringify(look))
      const isWider = await tab.evaluate('document.documentElement.scrollWidth > innerWidth')
      assert.equal(isWider, false, 'nothing reaches beyond the screen')
      assert.deepEqual(page.complaints(), [])
    }
  })

interface Finding {
  readonly id: string
  readonly nodes: readonly { readonly html: string }[]
}
