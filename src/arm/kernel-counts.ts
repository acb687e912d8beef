/** What the kernel found to be no offence by itself, counted by its rules since they were loaded. */
import type { TableView } from './firewall.ts'
import { isOurs } from './names.ts'
import { KERNEL_REASONS, type KernelReason, reasonOf } from './ruleset/rule.ts'

export type KernelCounts = Readonly<Record<KernelReason, number>>

/** Packets by reason. */
export function kernelCounts(table: TableView | undefined): KernelCounts {
  const counts = Object.fromEntries(KERNEL_REASONS.map(reason => [reason, 0])) as Record<KernelReason, number>
  for (const { chain, comment, packets } of table?.rules ?? []) {
    const reason = reasonOf(comment)
    if (reason !== undefined && packets !== undefined && isOurs(chain)) counts[reason] += packets
  }
  return counts
}
