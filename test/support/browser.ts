/** Debian's chromium, with a page of its own for each test. */
import { type Browser, chromium, type Page as Tab } from 'playwright-core'

export type { Tab }

export const CHROMIUM = '/usr/bin/chromium'

export interface Opened extends AsyncDisposable {
  readonly tab: Tab
  /** What its console said, and what was thrown in it, but for `allowed`. */
  complaints(allowed?: RegExp): string[]
}

export interface Look {
  readonly width?: number
  readonly height?: number
  readonly colours?: 'light' | 'dark'
  readonly zone?: string
}

/** The browser works as any user, and needs no namespaces of its own. */
export async function openBrowser(): Promise<Browser & AsyncDisposable> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  }) as Promise<Browser & AsyncDisposable>
}

export async function openTab(
  browser: Browser,
  { width = 1280, height = 900, colours = 'light', zone = 'Europe/Berlin' }: Look = {},
): Promise<Opened> {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: colours,
    timezoneId: zone,
    locale: 'en-GB',
    reducedMotion: 'reduce',
  })
  const tab = await context.newPage()
  const said: string[] = []
  tab.on('console', message => said.push(`${message.type()}: ${message.text()}`))
  tab.on('pageerror', error => said.push(`error: ${error.message}`))
  return {
    tab,
    complaints: allowed => said.filter(text => allowed === undefined || !allowed.test(text)),
    [Symbol.asyncDispose]: () => context.close(),
  }
}
