/** The daemon answers about the never-list: who is on it by hand, by the settings and by their files. */
import type { Trap } from '../../daemon/run.ts'
import type { Freed } from '../../lockout/free.ts'
import { factsOfEntry } from '../../settings/never-by-hand.ts'
import type { Prefix } from '../../terms/address.ts'
import { neverEntry } from '../never-entry.ts'
import { prefixesOf } from './freeing.ts'
import type { NeverAnswer, NeverControl } from './never-protocol.ts'
import { NAMED_MAX } from './protocol.ts'

export function openNever(trap: Trap, now: () => number): NeverControl {
  return {
    async never() {
      const { never, neverFiles, neverByHand } = trap.settings
      const answer: object = {
        byHand: neverByHand.map(factsOfEntry),
        settings: textsOf(never.slice(0, NAMED_MAX)),
        settingsCount: never.length,
        files: neverFiles.files.map(({ file, prefixes }) => ({ file, prefixes: prefixes.size })),
      }
      return answer as NeverAnswer
    },
    async neverAdd({ who, seconds = 'forever', because, by }) {
      const flies: string[] = []
      const held: string[] = []
      const add = (piece: Freed) => {
        flies.push(...piece.flies.slice(0, NAMED_MAX - flies.length))
        held.push(...piece.held.slice(0, NAMED_MAX - held.length))
      }
      const until = seconds === 'forever' ? seconds : now() + seconds * 1000
      const done = await trap.neverAdd({ prefixes: prefixesOf(who), until, because, by }, add)
      return {
        added: textsOf(done.added),
        changed: textsOf(done.changed),
        refused: done.refused.map(({ prefix, why }) => ({ who: prefix.text, why })),
        flies,
        held,
        around: [...done.around],
        ...(done.unwritten !== undefined && { unwritten: done.unwritten }),
      }
    },
    async neverRemove({ who, by }) {
      const prefixes = prefixesOf(who)
      const { removed, missing, unwritten } = await trap.neverRemove(prefixes, by)
      const stays = prefixes.flatMap(prefix => {
        const entry = neverEntry(trap.settings, prefix)
        return entry === undefined ? [] : [{ who: prefix.text, entry: entry.text }]
      })
      return {
        removed: textsOf(removed),
        missing: textsOf(missing),
        stays,
        ...(unwritten !== undefined && { unwritten }),
      }
    },
  }
}

function textsOf(prefixes: readonly Prefix[]): string[] {
  return prefixes.map(({ text }) => text)
}
