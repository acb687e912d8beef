import { execFileSync } from 'node:child_process'

const PATH = `${process.env.PATH}:/usr/sbin:/sbin`

/** Runs a command line without quotes in it; returns what it wrote, throws with its error output. */
export function command(line: string, input = ''): string {
  const [program, ...args] = line.split(' ')
  return execFileSync(program!, args, { env: { ...process.env, PATH }, encoding: 'utf8', input })
}
