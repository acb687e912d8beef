/** Asks the resolvers of /etc/resolv.conf for addresses, with the time that the records name. For processes outside the daemon. */
const [TIMEOUT_MS, TRIES] = [2000, 2]

export interface HostRecord {
  readonly address: string
  /** Seconds. */
  readonly ttl: number
}

/** No search list is followed, and no /etc/hosts. Which resolvers there are is read anew each time. Rejects with a `code` of Node's dns. */
export async function resolveHosts(name: string, family: 4 | 6): Promise<readonly HostRecord[]> {
  // Loaded when it is asked for: it reads /etc/resolv.conf at once, whose disk may hang.
  const { Resolver } = await import('node:dns/promises')
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES })
  return family === 4 ? resolver.resolve4(name, { ttl: true }) : resolver.resolve6(name, { ttl: true })
}
