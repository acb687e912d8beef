/** Who did it, as it is remembered. */

/** Characters of a claim, at most. */
export const CLAIM_MAX = 64

/**
 * The user whom the kernel names. What was claimed stands beside it: root is believed (`anna (root)`: it may be that anna said
 * sudo), another is not (`bob, who says anna`).
 */
export function signature(user: string, claim?: string): string {
  const claimed = claim?.slice(0, CLAIM_MAX)
  if (claimed === undefined || claimed === user) return user
  return user === 'root' ? `${claimed} (${user})` : `${user}, who says ${claimed}`
}
