/**
 * The programs that tests start, each in one file, as they are installed: such a one starts in less than half the time of the sources,
 * and takes less memory.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { bundle, bundlePage, PROGRAMS } from '../../scripts/bundle.ts'

export interface Made extends Disposable {
  readonly folder: string
}

/** Makes them in a folder of that checkout, which goes with `using`: the packages are found from there. */
export async function makePrograms(checkout = '.'): Promise<Made> {
  // Its place tells that it is flypaperd, as src/system/holder.ts knows it.
  const build = resolve(checkout, `build/test-${process.pid}`)
  const folder = join(build, 'dist')
  mkdirSync(folder, { recursive: true })
  const sources = [...PROGRAMS, 'test/support/queue-without-nft-queue.ts']
  await bundle(
    sources.map(source => join(checkout, source)),
    folder,
  )
  await bundlePage(join(folder, 'page'), join(checkout, 'page'))
  const remove = () => rmSync(build, { recursive: true, force: true })
  process.once('exit', remove)
  return { folder, [Symbol.dispose]: remove }
}
