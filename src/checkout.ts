/** Starts main.ts in a checkout. What Node makes of the sources is kept from before the first of them is loaded. */
import { keepCompiled } from './system/compile-cache.ts'
import { ignoreDebugSignal } from './system/debug-signal.ts'

ignoreDebugSignal()
keepCompiled()
await import('./main.ts')
