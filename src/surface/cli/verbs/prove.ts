import type { Live } from '../../../prove/live.ts'
import { machineOf } from '../../../prove/machine.ts'
import { hurtOf, leaksOf, prove as proveIt } from '../../../prove/prove.ts'
import { SERVICES_MAX, type Service } from '../../../prove/scans.ts'
import type { Settings } from '../../../settings/settings.ts'
import { escapeText, jsonText } from '../../../terms/escape.ts'
import { EXIT, Failure } from '../../../terms/failure.ts'
import { ProofAnswer } from '../answers.ts'
import { printProof } from '../proof-text.ts'
import { type Call, JSON_OPTION, type Verb } from '../verb.ts'

export const prove: Verb = {
  name: 'prove',
  summary: 'scan a clone of this machine, without the trap and with it, and say what was found',
  options: [
    JSON_OPTION,
    { flags: '--ruleset <file>', what: 'instead of this machine: nft text, or - for standard input' },
    { flags: '--listen <ports>', what: 'its open ports: tcp:22,udp:53' },
    {
      flags: '--uplink <interface>',
      what: 'the interface that its rules know as the way to the world (default: eth0)',
    },
  ],
  details:
    'The clone is a network namespace of its own, with the interfaces, addresses, routes, ruleset and open ports of this machine, and an unchanged flypaperd; it is gone afterwards, whatever happens. Nothing of this machine is changed, and no packet leaves it. Needs root, iproute2 and util-linux.',
  examples: [
    'sudo flypaperd prove',
    'sudo flypaperd prove --ruleset /etc/nftables.conf --listen tcp:22,tcp:443',
    'sudo flypaperd prove --ruleset rules.nft --listen tcp:22 --settings ./flypaperd.toml --json',
  ],
  answer: ProofAnswer,
  exits: {
    [EXIT.ok]: 'the promise was kept',
    [EXIT.no]: 'a scan found something, or an innocent was hurt',
  },
  async run(call) {
    const { system, options, print, progress } = call
    const settings = call.settings()
    pastGrace(settings, system.surroundings.uptime())
    const live = options.ruleset === undefined ? await liveOf(call) : undefined
    const before = await live?.look()
    const found = await proveIt(
      {
        machine:
          live?.machine ?? machineOf(rulesetOf(call), servicesOf(options.listen), uplinkOf(options.uplink)),
        settings: typeof options.settings === 'string' ? ['--settings', options.settings] : [],
        isPublic: ({ protocol, port }) =>
          settings.public.some(one => one.protocol === protocol && one.first <= port && port <= one.last),
        progress,
      },
      system.openClone,
    ).finally(() => progress(''))
    const proof = (await live?.look()) === before ? found : { ...found, missing: [...found.missing, CHANGED] }
    const kept = leaksOf(proof) + hurtOf(proof) === 0
    if (options.json) print(jsonText({ kept, ...proof }))
    else printProof(proof, { terminal: system.terminal, print })
    return kept ? EXIT.ok : EXIT.no
  },
}

const CHANGED =
  'What was changed meanwhile: rules, links, addresses or routes are others now. prove changes none of them.'

async function liveOf({ options, system }: Call): Promise<Live> {
  if (options.listen !== undefined || options.uplink !== undefined)
    throw new Failure('--listen and --uplink belong to --ruleset: this machine knows both', {
      exit: EXIT.usage,
    })
  const live = await system.readLive()
  if (live.machine.services.length > 0) return live
  throw new Failure('nobody listens on this machine but at loopback: there is nothing to find', {
    exit: EXIT.unavailable,
  })
}

/** The daemon of the clone would still be lenient: it asks the same clock. */
function pastGrace({ bootGrace }: Settings, uptime: number): void {
  if (uptime < bootGrace)
    throw new Failure('the machine has just been booted, and boot_grace is not over', {
      exit: EXIT.unavailable,
      hint: `Ask again in ${Math.ceil(bootGrace - uptime)} s.`,
    })
}

function rulesetOf({ options, system }: Call): string {
  if (typeof options.ruleset !== 'string') throw new Failure('--ruleset takes a file', { exit: EXIT.usage })
  const read = system.readList(options.ruleset)
  if ('text' in read) return read.text
  throw new Failure(`${escapeText(options.ruleset)} cannot be read`, { exit: EXIT.unavailable })
}

const LISTEN = /^(tcp|udp)[:/](\d{1,5})$/

function servicesOf(listen: string | boolean | undefined): Service[] {
  const words = typeof listen === 'string' ? listen.split(',').filter(word => word !== '') : []
  const services = words.map(word => {
    const [, protocol, digits] = LISTEN.exec(word) ?? []
    const port = Number(digits)
    if (protocol === undefined || port < 1 || port > 65_535)
      throw new Failure(`--listen takes ports such as tcp:22,udp:53, not ${escapeText(word)}`, {
        exit: EXIT.usage,
      })
    return { protocol: protocol === 'udp' ? ('udp' as const) : ('tcp' as const), port }
  })
  if (services.length === 0)
    throw new Failure('prove takes the open ports, by --listen: without one there is nothing to find', {
      exit: EXIT.usage,
    })
  if (services.length > SERVICES_MAX)
    throw new Failure(`--listen takes ${SERVICES_MAX} ports at most`, { exit: EXIT.usage })
  return services
}

/** A name of an interface as the kernel takes it, dev_valid_name(). */
const INTERFACE = /^[\w.-]{1,15}$/

function uplinkOf(uplink: string | boolean | undefined): string {
  const name = String(uplink ?? 'eth0')
  if (INTERFACE.test(name)) return name
  throw new Failure(`--uplink takes the name of an interface, not ${escapeText(name)}`, { exit: EXIT.usage })
}
