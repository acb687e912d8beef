/** A lockout as it is remembered. */
import type { Lockout } from '../lockout/lockout.ts'

export interface LockoutRow extends Lockout {
  readonly id: number
  readonly released?: { readonly at: number; readonly by: string; readonly because: string }
}
