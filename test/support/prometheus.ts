/** The programs of Prometheus: installed, or where scripts/setup.sh has unpacked them. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

export function prometheusProgram(name: 'prometheus' | 'promtool'): string {
  const unpacked = resolve(`.cache/prometheus/usr/bin/${name}`)
  return existsSync(unpacked) ? unpacked : name
}
