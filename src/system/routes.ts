/** The routes of this machine as they were last read. A router may have a million: they are read in pieces, and not for every question. */
import { type Routes, readRoutes, readRoutesLater } from 'nfnetlink'

let known: Routes | undefined

/** Those that were read last; read at once when nobody has yet. */
export function routes(): Routes {
  known ??= readRoutes()
  return known
}

/** Reads them again, in pieces between which everybody has their turn. */
export async function rereadRoutes(): Promise<void> {
  known = await readRoutesLater()
}
