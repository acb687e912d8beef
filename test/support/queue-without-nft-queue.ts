/**
 * flypaperd with capture = "queue" on a kernel that has nfnetlink_queue but not nft_queue: everything is the real
 * thing but one statement. Where the ruleset says `queue num N`, the packet is marked N and accepted out of our
 * chain, and the NFQUEUE target of iptables-nft, in the later table `security`, puts it into that queue.
 */
import { execFileSync } from 'node:child_process'
import type { Firewall } from '../../src/arm/firewall.ts'
import { runProgram } from '../../src/surface/cli/program.ts'
import type { System, Told } from '../../src/surface/cli/system.ts'
import { openSystem } from '../../src/system/system.ts'

function translated(firewall: Firewall & Disposable): Firewall & Disposable {
  return {
    ...firewall,
    supports: statement => statement === 'queue' || firewall.supports(statement),
    load(ruleset) {
      const numbers = [...ruleset.matchAll(/queue num (\d+)/g)].map(([, number]) => number!)
      firewall.load(ruleset.replace(/queue num (\d+)/g, 'meta mark set $1 accept'))
      for (const number of numbers) queueMarked(number)
    },
    [Symbol.dispose]: () => firewall[Symbol.dispose](),
  }
}

/** Loaded again, the rules must not come twice. */
function queueMarked(number: string): void {
  for (const chain of ['INPUT', 'FORWARD']) {
    const rule = [chain, '-m', 'mark', '--mark', number, '-j', 'NFQUEUE', '--queue-num', number]
    for (const iptables of ['iptables-nft', 'ip6tables-nft']) {
      const run = (verb: string) =>
        execFileSync(iptables, ['-w', '-t', 'security', verb, ...rule], { stdio: 'pipe' })
      try {
        run('-C')
      } catch {
        run('-A')
      }
    }
  }
}

function openTranslated(told?: Told): System {
  const system = openSystem(told)
  return {
    ...system,
    openFirewall: () => translated(system.openFirewall()),
    openWorld(options) {
      const world = system.openWorld(options)
      const firewall = translated(world.firewall as Firewall & Disposable)
      return { ...world, firewall, [Symbol.dispose]: () => world[Symbol.dispose]() }
    },
  }
}

const streams = {
  out: (text: string) => void process.stdout.write(text),
  err: (text: string) => void process.stderr.write(text),
}
process.exitCode = await runProgram(process.argv.slice(2), openTranslated, streams)
