/** Tests in which root becomes somebody else. */

/** The user nobody, and his group. */
export const NOBODY = 65534

/** In a user namespace root may have no other users to become. */
export function canBecome(uid: number): boolean {
  try {
    process.seteuid!(uid)
    process.seteuid!(0)
    return process.getuid!() === 0
  } catch {
    return false
  }
}
