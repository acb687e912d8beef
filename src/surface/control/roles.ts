/** Which socket takes which requests, and who may open it. */
import { ENDPOINTS, type EndpointName } from './endpoints.ts'

/** Whoever may open a socket may ask for what its role has, and for nothing else. */
export interface Role {
  /** The name of its socket, in the directory of the control socket. */
  readonly socket: string
  /** Who may open it besides root, the daemon's user and his group: the members of this group, where there is one. */
  readonly group?: string
  readonly what: string
  readonly may: readonly EndpointName[]
  /** Locks out prefixes of any width, where `force` says so. */
  readonly mayForce?: boolean
}

const READING = [
  'status',
  'health',
  'list',
  'why',
  'report',
  'never',
  'events',
  'metrics',
  'openapi',
] as const satisfies EndpointName[]

/** From the one that may do most to the one that may do least: the command line takes the first that it may open. */
export const ROLES = {
  control: {
    socket: 'control.sock',
    what: 'Everything: whoever may open it has power over the firewall.',
    may: Object.keys(ENDPOINTS) as EndpointName[],
    mayForce: true,
  },
  operate: {
    socket: 'operate.sock',
    group: 'flypaperd-operate',
    what: 'Locks out and frees, has the never-list by hand, and reads. Takes no `force`, ends no daemon, disarms nothing, and takes no settings.',
    may: [...READING, 'lock', 'free', 'neverAdd', 'neverRemove'],
  },
  watch: {
    socket: 'watch.sock',
    group: 'flypaperd-watch',
    what: 'Reads, and changes nothing.',
    may: READING,
  },
  share: {
    socket: 'share.sock',
    group: 'flypaperd-share',
    what: 'Testifies, and withdraws what came by this socket; sees the events, to tell others of them. Gives no orders: it neither locks out nor frees.',
    may: ['status', 'health', 'testify', 'withdraw', 'events'],
  },
  names: {
    socket: 'names.sock',
    group: 'flypaperd-names',
    what: 'Tells which hosts a name of the settings has now, and does nothing else: for the process that looks names up.',
    may: ['names'],
  },
} as const satisfies Record<string, Role>

export type RoleName = keyof typeof ROLES

/** The roles that may ask for this, the one that may do most first. */
export function rolesWith(endpoint: EndpointName): readonly Role[] {
  return Object.values<Role>(ROLES).filter(({ may }) => may.includes(endpoint))
}
