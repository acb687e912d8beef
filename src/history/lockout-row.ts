/** A lockout as it is remembered. */
import type { Lockout } from '../lockout/lockout.ts'

export interface LockoutRow extends Lockout {
  readonly id: number
  /** How often it was prolonged because its source went on trying; left out where it never was. */
  readonly prolonged?: number
  readonly released?: { readonly at: number; readonly by: string; readonly because: string }
}
