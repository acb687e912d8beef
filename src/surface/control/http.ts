/**
 * node:http, without what an `import` of it brings along: that reads every property of a built-in module, and one of
 * these loads a whole HTTP client (undici) that nobody here uses: 18 MB and 40 ms.
 */
import type * as Http from 'node:http'

export const { request }: typeof Http = process.getBuiltinModule('node:http')
