/** The Debian package as a file; what it does when installed is in test/vm/systemd/. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must, run } from '../support/process.ts'
import { packages } from './package.ts'

const { package: file } = await packages()

test('lintian has neither errors nor warnings but those that the package explains', async () => {
  const { stdout, code } = await run(['lintian', '--allow-root', '--fail-on=error,warning', file], {
    timeout: 110_000,
  })
  assert.deepEqual([code, stdout], [0, ''])
})

test('what is in it', async t => {
  const list = await must(['dpkg-deb', '--contents', file])
  const paths = list
    .trim()
    .split('\n')
    .map(line => line.split(/ +/)[5]!.replace(/^\./, ''))
  for (const path of [
    '/usr/bin/flypaperd',
    '/lib/systemd/system/flypaperd.service',
    '/lib/systemd/system/flypaperd-outside.service',
    '/usr/lib/flypaperd/node_modules/nodemailer/package.json',
    '/usr/lib/sysusers.d/flypaperd.conf',
    '/usr/share/man/man8/flypaperd.8.gz',
    '/usr/share/man/man5/flypaperd.toml.5.gz',
    '/usr/share/bash-completion/completions/flypaperd',
  ])
    assert.ok(paths.includes(path), path)
  const inEtc = paths.filter(path => path.startsWith('/etc/'))
  assert.deepEqual(inEtc, ['/etc/', '/etc/flypaperd/', '/etc/flypaperd/flypaperd.d/'], 'no conffile')
  assert.notEqual((await run(['dpkg-deb', '--info', file, 'conffiles'])).code, 0)
  const megabytes = Number(await must(['dpkg-deb', '--field', file, 'Installed-Size'])) / 1024
  t.diagnostic(`installed ${Math.round(megabytes)} MB`)
  assert.ok(megabytes < 120, `installed ${megabytes} MB`)
})

test('it needs no Node of the distribution', async () => {
  const depends = await must(['dpkg-deb', '--field', file, 'Depends'])
  assert.match(depends, /libnftables1 \(>= 1\.0\.6\)/)
  assert.doesNotMatch(depends, /node/)
})
