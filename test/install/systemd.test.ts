/** The package on a Debian 12 with systemd, which is booted three times. */
import { test } from 'node:test'
import { boots } from './nspawn.ts'

test('systemd-nspawn: install, use, upgrade, reboot, purge', t => boots(t, { series: 'boot' }))
