/** Where the never-list by hand lies: the port that system/disk.ts stands behind. */
import type { WholeFile } from './state-file.ts'

/** The file of who is on the never-list by hand, in the state directory, whose disk may hang. */
export interface NeverStore extends Pick<WholeFile, 'write'> {
  /** What it says; undefined: there is no such file. `late`: its disk does not answer. */
  read(): NeverText | 'late' | undefined
  /** The same, however long it takes. */
  later(): Promise<NeverText | undefined>
  /** Takes it out of the way; tells where it is now. */
  setAside(): Promise<string>
}

/** Or why it cannot be read. */
export type NeverText = { readonly text: string } | { readonly because: string }
