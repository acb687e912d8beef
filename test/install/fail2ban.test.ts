/** Debian's fail2ban under systemd, as its own unit, with flypaperd for its action. */
import { test } from 'node:test'
import { boots } from './nspawn.ts'

test('systemd-nspawn: fail2ban bans and unbans by flypaperd', t =>
  boots(t, { series: 'fail2ban', more: 'fail2ban' }))
