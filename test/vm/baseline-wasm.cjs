/**
 * Preloaded by every Node in a guest. Under emulation Node 24.21 dies now and then while its TypeScript stripper, which is WebAssembly, is
 * optimized: in Runtime_WasmTriggerTierUp, `Check failed: it->second.Size() > offset`. So there it is not. Both are what --liftoff-only means,
 * which comes too late for a process that runs.
 */
const { setFlagsFromString } = require('node:v8')

setFlagsFromString('--no-wasm-dynamic-tiering')
setFlagsFromString('--no-wasm-tier-up')
