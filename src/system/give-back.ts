/** Gives back what the start and floods took: V8 keeps pages that became free, and looks at them again only when it needs some. */

export interface Memory {
  /** Resident memory of this process, in bytes. */
  resident(): number
  /** Collects all garbage and gives free pages back, in some 40 ms. What is called next is compiled anew. */
  collect(): void
}

/** Less is not worth the pause. */
const WORTH_IT = 16 * 1024 * 1024
/** In a minute: what comes on a quiet day. More is not to be held up. */
const FEW = 1000

/** To be called at the start and once a minute; `packets` counts all that came. */
export function givingBack(memory: Memory, packets: () => number): () => void {
  let counted = packets()
  let needed = 0
  return () => {
    const came = packets() - counted
    counted += came
    if (came > FEW || memory.resident() < needed + WORTH_IT) return
    memory.collect()
    needed = memory.resident()
  }
}
