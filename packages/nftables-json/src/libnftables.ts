/**
 * libnftables(3) through FFI: one context, its buffers, its flags. Knows nothing of JSON.
 *
 * libnftables calls exit(3) when it cannot open its netlink socket, which would end our process without a
 * word from us, so we try such a socket first. The context keeps its socket: it belongs to the network
 * namespace in which it was opened.
 */
import { closeSync, writeFileSync } from 'node:fs'
import koffi from 'koffi'
import { NftablesError } from './error.ts'

/** NFT_CTX_OUTPUT_* of nftables/libnftables.h. */
export const OUTPUT = { handle: 1 << 3, json: 1 << 4, numericAll: 0xf << 7, terse: 1 << 11 } as const

export interface Mode {
  /** OUTPUT flags, or-ed. */
  readonly output: number
  readonly dryRun?: boolean
}

/** What one run left: `failed` tells which of the two buffers counts. */
export interface Outcome {
  readonly failed: boolean
  readonly output: string
  readonly error: string
}

export interface Context {
  run(text: string, mode: Mode): Outcome
  /** On a worker thread, where a signal may make it fail although it was done; nothing else may be called on this context until it settles. */
  runAsync(text: string, mode: Mode): Promise<Outcome>
  /** A dry run of the text as a file in memory: of those libnftables tells the line of an error. Undefined where the system has none. */
  dryRunFile(text: string): Outcome | undefined
  /** At most once, and not while anything runs. */
  free(): void
}

// One run takes 82 KiB of stack, whatever its size (netlink buffers; measured with 1.0.6), a worker of koffi
// has 128 KiB, and to overrun it is silent corruption. So more, where koffi still lets us.
const ASYNC_STACK_SIZE = 512 * 1024
/** MFD_CLOEXEC of linux/memfd.h. */
const CLOSE_ON_EXEC = 1

export function openContext(library: string): Context {
  widenAsyncStack()
  probeNetlink()
  const nft = bind(library)
  const undisturbed = signalBlocker()
  const context: unknown = nft.newContext(0)
  if (nft.bufferOutput(context) !== 0 || nft.bufferError(context) !== 0) {
    nft.free(context)
    throw new NftablesError('unsupported', 'libnftables cannot buffer its output (fopencookie failed)')
  }

  function prepare(mode: Mode): void {
    nft.setFlags(context, mode.output)
    nft.setDryRun(context, mode.dryRun ?? false)
  }
  // Both buffers are read every time: reading is what rewinds them.
  function outcome(status: number): Outcome {
    return { failed: status !== 0, output: nft.output(context), error: nft.error(context) }
  }

  return {
    run(text, mode) {
      prepare(mode)
      return outcome(undisturbed(() => nft.run(context, text)))
    },
    runAsync(text, mode) {
      prepare(mode)
      return new Promise((resolve, reject) => {
        nft.run.async(context, text, (error: unknown, status: number) =>
          error ? reject(error) : resolve(outcome(status)),
        )
      })
    },
    dryRunFile(text) {
      const file = nft.newFile('ruleset', CLOSE_ON_EXEC)
      if (file < 0) return undefined
      try {
        writeFileSync(file, text)
        prepare({ output: 0, dryRun: true })
        return outcome(undisturbed(() => nft.runFile(context, `/proc/self/fd/${file}`)))
      } finally {
        closeSync(file)
      }
    },
    free: () => nft.free(context),
  }
}

function bind(library: string) {
  try {
    const { func } = loader(library)
    return {
      newContext: func('void *nft_ctx_new(uint32_t flags)'),
      free: func('void nft_ctx_free(void *ctx)'),
      bufferOutput: func('int nft_ctx_buffer_output(void *ctx)'),
      bufferError: func('int nft_ctx_buffer_error(void *ctx)'),
      output: func('const char *nft_ctx_get_output_buffer(void *ctx)'),
      error: func('const char *nft_ctx_get_error_buffer(void *ctx)'),
      setFlags: func('void nft_ctx_output_set_flags(void *ctx, unsigned int flags)'),
      setDryRun: func('void nft_ctx_set_dry_run(void *ctx, bool dry)'),
      run: func('int nft_run_cmd_from_buffer(void *ctx, const char *buf)'),
      runFile: func('int nft_run_cmd_from_filename(void *ctx, const char *path)'),
      newFile: loader(null).func('int memfd_create(const char *name, unsigned int flags)'),
    }
  } catch (cause) {
    throw new NftablesError('no-library', cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

/**
 * A signal that comes between a transaction and its answer makes libnftables report EINTR, whatever became of the transaction
 * (it was done, each time that was looked at). So other threads take the signals meanwhile.
 */
function signalBlocker(): <T>(work: () => T) => T {
  const setMask = loader(null).func('int pthread_sigmask(int how, const void *set, void *before)')
  const [SIG_BLOCK, SIG_SETMASK, SIZE_OF_SIGSET] = [0, 2, 128]
  const all = new Uint8Array(SIZE_OF_SIGSET).fill(0xff)
  const before = new Uint8Array(SIZE_OF_SIGSET)
  return work => {
    setMask(SIG_BLOCK, all, before)
    try {
      return work()
    } finally {
      setMask(SIG_SETMASK, before, null)
    }
  }
}

function loader(library: string | null) {
  const loaded = koffi.load(library)
  return { func: (declaration: string) => loaded.func(declaration) }
}

function widenAsyncStack(): void {
  if ((koffi.config().async_stack_size ?? 0) >= ASYNC_STACK_SIZE) return
  try {
    koffi.config({ async_stack_size: ASYNC_STACK_SIZE })
  } catch {
    // Refused once anybody has loaded a library; the default is enough then.
  }
}

/** Throws what socket(2) says, where libnftables would end the process. */
function probeNetlink(): void {
  const { func } = loader(null)
  const [AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER] = [16, 3, 12]
  const socket: number = func('int socket(int domain, int type, int protocol)')(
    AF_NETLINK,
    SOCK_RAW,
    NETLINK_NETFILTER,
  )
  if (socket >= 0) return void func('int close(int fd)')(socket)
  const [name] = Object.entries(koffi.os.errno).find(([, errno]) => errno === koffi.errno()) ?? ['unknown']
  throw new NftablesError('unsupported', `no netlink socket for netfilter: ${name}`)
}
