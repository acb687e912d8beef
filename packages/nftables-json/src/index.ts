/** libnftables, typed: see README.md. */
export { Command, type Family, forget, put, type SetId } from './command.ts'
export { NewElement, Value } from './element.ts'
export { NftablesError, type NftablesErrorCode } from './error.ts'
export type { Listed, ListedElement } from './listed.ts'
export { type ListOptions, type Nftables, openNftables } from './nftables.ts'
