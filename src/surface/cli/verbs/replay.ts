import { replay as replayIt } from '../../../replay/replay.ts'
import { OWN_MAX, scriptOf } from '../../../replay/script.ts'
import { isHost } from '../../../replay/traffic.ts'
import { settingsOf } from '../../../settings/load.ts'
import { overridden } from '../../../settings/overridden.ts'
import { readSources } from '../../../settings/sources.ts'
import { parseAddress } from '../../../terms/address.ts'
import { escapeText, jsonText } from '../../../terms/escape.ts'
import { EXIT, Failure } from '../../../terms/failure.ts'
import { ReplayAnswer } from '../answers.ts'
import { printReplay } from '../replay-text.ts'
import { type Call, JSON_OPTION, type Verb } from '../verb.ts'

export const replay: Verb = {
  name: 'replay',
  summary: 'play capture files through the trap in a namespace, and say who would have been locked out',
  args: '<file...>',
  options: [
    JSON_OPTION,
    {
      flags: '--as <addresses>',
      what: 'the protected host, with commas where it has several (default: the busiest address of each file)',
    },
    { flags: '--with-gaps', what: 'in the time that it took, not without its pauses' },
  ],
  details:
    'Both sides of a pcap or pcapng file are sent through a network namespace with an unchanged flypaperd and your settings; ports that answer in the file are open there. Nothing of this machine is changed, and no packet leaves it. Needs root, iproute2 and util-linux.',
  examples: [
    'sudo flypaperd replay yesterday.pcap',
    'sudo flypaperd replay --as 192.0.2.1 --with-gaps office.pcapng',
    'sudo flypaperd replay --settings ./flypaperd.toml --json a.pcap b.pcap',
  ],
  answer: ReplayAnswer,
  exits: {
    [EXIT.ok]: 'nobody would have been locked out',
    [EXIT.no]: 'somebody would have been locked out',
  },
  async run(call) {
    const { args, options, print, warn, system } = call
    const own = ownOf(options.as)
    const settings = settingsFor(call)
    const files: ReplayAnswer['files'] = []
    for (const file of args) {
      const found = await replayed(call, file, own, settings)
      files.push({ file, ...found })
      if (options.json) continue
      if ('refused' in found) warn(`flypaperd: ${escapeText(file)} was not played: ${found.refused}`)
      else {
        if (files.some(one => one.file !== file && !('refused' in one))) print('')
        printReplay(file, found, { terminal: system.terminal, print })
      }
    }
    const isAllPlayed = files.every(file => !('refused' in file))
    const isAnybodyOut = files.some(file => 'lockedOut' in file && file.lockedOut.length > 0)
    if (options.json) print(jsonText({ files }))
    return !isAllPlayed ? EXIT.unavailable : isAnybodyOut ? EXIT.no : EXIT.ok
  },
}

/** Of one file; what is wrong with it keeps no other from being played. */
async function replayed({ system, options, progress }: Call, file: string, own: string[], settings: string) {
  const read = system.readCaptureFile(file)
  if ('unreadable' in read) return { refused: `it cannot be read: ${read.because}` }
  const script = scriptOf(read.bytes, own)
  if ('unplayable' in script) return { refused: script.unplayable }
  const withGaps = options.withGaps === true
  try {
    const found = await replayIt({ script, settings, withGaps, progress }, system.openClone)
    const remarks = read.isCut ? [TOO_LONG, ...found.remarks] : found.remarks
    return {
      ...found,
      own: [...found.own],
      lockedOut: [...found.lockedOut],
      spared: [...found.spared],
      remarks: [...remarks],
    }
  } catch (error) {
    if (!(error instanceof Failure) || error.exit !== EXIT.unavailable) throw error
    return { refused: [error.message, error.hint].filter(Boolean).join('. ') }
  } finally {
    progress('')
  }
}

const TOO_LONG = 'The file is longer than 128 MB: only these were read.'

/** Throws a Failure (77, 78) where the settings are wrong. */
function settingsFor({ options, system }: Call): string {
  const file = typeof options.settings === 'string' ? options.settings : undefined
  const sources = readSources(file, system.readText, system.folders)
  settingsOf(sources, system.readText, system.folders)
  return overridden(sources, {
    // The rules of that host are not in its packets.
    closed: 'listening',
    ingress: [],
    dry_run: false,
    boot_grace: '0s',
  })
}

function ownOf(as: string | boolean | undefined): string[] {
  if (as === undefined) return []
  const words = String(as).split(',')
  const own = words.map(word => parseAddress(word))
  const wrong = words.find((_, i) => own[i] === undefined || !isHost(own[i]))
  if (wrong !== undefined || own.length > OWN_MAX)
    throw new Failure(
      wrong === undefined
        ? `--as takes ${OWN_MAX} addresses at most`
        : `--as takes the address of a host, not ${escapeText(wrong)}`,
      { exit: EXIT.usage },
    )
  return own as string[]
}
