import { keepCompiled } from './system/compile-cache.ts'

keepCompiled()
await import('./command.ts')
