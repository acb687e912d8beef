/**
 * The types that the two packages export, as api-extractor writes them down, are those in packages/NAME/api.md: nobody changes them without
 * seeing it. After a change: `UPDATE=1 npm test -- test/packages-api.test.ts`, and read the difference.
 */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { after, test } from 'node:test'
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor'
import { buildPackage } from '../scripts/build-packages.ts'

// In the checkout, so that the types of what they import are found.
mkdirSync('build', { recursive: true })
const folder = mkdtempSync(resolve('build/api-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function reportOf(name: string): string {
  const built = buildPackage(name, folder)
  const config = ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(built, 'package.json'),
    configObject: {
      projectFolder: built,
      mainEntryPointFilePath: join(built, 'dist/index.d.ts'),
      compiler: { tsconfigFilePath: resolve('packages', name, 'tsconfig.json') },
      apiReport: { enabled: true, reportFileName: name, reportFolder: folder, reportTempFolder: folder },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: { extractorMessageReporting: { 'ae-missing-release-tag': { logLevel: 'none' as never } } },
    },
  })
  const said: string[] = []
  Extractor.invoke(config, {
    localBuild: true,
    messageCallback(message) {
      message.handled = true
      if (message.category === 'Compiler') said.push(message.text)
    },
  })
  assert.deepEqual(said, [], 'the compiler')
  return readFileSync(join(folder, `${name}.api.md`), 'utf8').replaceAll('\r\n', '\n')
}

for (const name of readdirSync('packages'))
  test(`the types of ${name} are those in its api.md`, () => {
    const file = `packages/${name}/api.md`
    const report = reportOf(name)
    if (process.env.UPDATE) writeFileSync(file, report)
    assert.equal(report, readFileSync(file, 'utf8'))
    assert.match(report, name === 'nfnetlink' ? /export function openLog/ : /export function openNftables/)
  })
