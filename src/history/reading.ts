/** The history as those read it who let others have their turn: each call is a piece of the work, of some milliseconds. */
import type { Sighting } from '../judge/sightings.ts'
import type { FeedAsked, FeedPage } from './feed.ts'
import type { History } from './history.ts'
import type { Told } from './reports.ts'
import type { AlsoTried } from './samples.ts'
import type { Filter, Page } from './selection.ts'

export interface PastReading {
  /** Those that fit in one piece of the table, before this row. */
  selectPage(filter: Filter, now: number, before?: number): Promise<Page>
  /** See Chronicle.storyPage. */
  storyPage(names: readonly string[], now: number, before?: number): Promise<Page>
  sightingsOf(names: readonly string[]): Promise<readonly Sighting[]>
  sampleOf(names: readonly string[]): Promise<AlsoTried | undefined>
  /** The sums come last. */
  sums(since: number): AsyncIterable<Told | undefined>
}

export interface Reading extends PastReading {
  /** See Feed.feedPage. */
  feedPage(asked: FeedAsked, now: number): Promise<FeedPage>
}

/** That of a history which is read where it is asked. */
export function readingOf(
  history: Pick<
    History,
    'selectPage' | 'storyPage' | 'sightingsOf' | 'sampleOf' | 'sumsInPieces' | 'feedPage'
  >,
): Reading {
  return {
    selectPage: async (filter, now, before) => history.selectPage(filter, now, before),
    storyPage: async (names, now, before) => history.storyPage(names, now, before),
    sightingsOf: async names => history.sightingsOf(names),
    sampleOf: async names => history.sampleOf(names),
    feedPage: async (asked, now) => history.feedPage(asked, now),
    async *sums(since) {
      yield* history.sumsInPieces(since)
    },
  }
}
