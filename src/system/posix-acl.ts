/** Access lists of files, acl(5), as the kernel takes them: linux/posix_acl_xattr.h. */
import koffi from 'koffi'

const NAME = 'system.posix_acl_access'
const VERSION = 2
const [USER_OBJ, GROUP_OBJ, GROUP, MASK, OTHER] = [0x01, 0x04, 0x08, 0x10, 0x20]
const READ_WRITE = 6
/** Of the entries that are of nobody by number. */
const NOBODY = 0xffffffff
const HEAD = 4
const ENTRY = 8

type Lsetxattr = (path: string, name: string, value: Uint8Array, size: number, flags: number) => number
let lsetxattr: Lsetxattr | undefined

/**
 * Makes a file of mode 0660 one that this group, too, may read and write; for its owner and its own group it stays what it was. Takes its
 * owner, and follows no link. Tells whether it was done.
 */
export function letIn(path: string, gid: number): boolean {
  const entries = [
    [USER_OBJ, READ_WRITE, NOBODY],
    [GROUP_OBJ, READ_WRITE, NOBODY],
    [GROUP, READ_WRITE, gid],
    [MASK, READ_WRITE, NOBODY],
    [OTHER, 0, NOBODY],
  ] as const
  const list = Buffer.alloc(HEAD + ENTRY * entries.length)
  list.writeUInt32LE(VERSION)
  for (const [i, [tag, rights, id]] of entries.entries()) {
    list.writeUInt16LE(tag, HEAD + ENTRY * i)
    list.writeUInt16LE(rights, HEAD + ENTRY * i + 2)
    list.writeUInt32LE(id, HEAD + ENTRY * i + 4)
  }
  lsetxattr ??= koffi
    .load(null)
    .func(
      'int lsetxattr(const char *path, const char *name, const void *value, size_t size, int flags)',
    ) as Lsetxattr
  return lsetxattr(path, NAME, list, list.length, 0) === 0
}
