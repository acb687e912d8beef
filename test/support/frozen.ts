/**
 * A disk that hangs: a file system of its own, on a loop device, in a mount namespace that a process of the test's keeps. Frozen, whoever writes
 * there waits and cannot be killed; so it is thawed at the end of the test in any case, and after a while by itself, should the test be killed.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { must, start } from './process.ts'

export interface FreezableDisk extends AsyncDisposable {
  /** An empty directory on it. */
  readonly state: string
  /** Stands before a command that shall see it. */
  readonly by: readonly string[]
  freeze(): Promise<void>
  thaw(): Promise<void>
}

/** Longer than any test freezes it. */
const LONGEST_SECONDS = 150
const KEEPER = `
mount -o loop "$1" "$2" && mkdir "$2/state" || exit 1
trap '' INT TERM HUP
echo $$
while read -r word; do
  case $word in
    freeze) { sleep ${LONGEST_SECONDS}; fsfreeze --unfreeze "$2"; } >/dev/null 2>&1 </dev/null & late=$!; fsfreeze --freeze "$2" ;;
    thaw) pkill -P $late; kill $late; fsfreeze --unfreeze "$2" ;;
  esac
  echo "$word: $?"
done
fsfreeze --unfreeze "$2" 2>/dev/null
[ -z "$late" ] || { pkill -P $late; kill $late 2>/dev/null; }
# A daemon of a test that failed is ended after this.
for _ in 1 2 3 4 5 6 7 8 9 10; do umount "$2" && exit; sleep 0.2; done
umount --lazy "$2"
`

export async function freezableDisk(): Promise<FreezableDisk> {
  const folder = mkdtempSync(join(tmpdir(), 'flypaperd-test-disk-'))
  const [image, disk] = [join(folder, 'image'), join(folder, 'disk')]
  await must(['sh', '-c', `truncate -s 64M ${image} && mkfs.ext4 -q ${image} && mkdir ${disk}`])
  const keeper = await start([
    ...['unshare', '--mount', '--propagation', 'private'],
    ...['sh', '-c', KEEPER, 'keeper', image, disk],
  ])
  await keeper.says(/^\d+$/)
  const tell = async (word: string) => {
    keeper.write(`${word}\n`)
    await keeper.says(new RegExp(`^${word}: 0$`), 30_000)
  }
  let isFrozen = false
  return {
    state: join(disk, 'state'),
    by: ['nsenter', `--mount=/proc/${keeper.pid}/ns/mnt`, '--'],
    async freeze() {
      isFrozen = true
      await tell('freeze')
    },
    async thaw() {
      isFrozen = false
      await tell('thaw')
    },
    async [Symbol.asyncDispose]() {
      if (isFrozen) await tell('thaw')
      keeper.closeInput()
      await keeper.ended
      rmSync(folder, { recursive: true })
    },
  }
}
