/** What the doctor looks at: the rules of everybody, and this machine around them. Shapes only. */
import type { Neighbourhood, ServedPort } from '../arm/surroundings.ts'
import type { Settings } from '../settings/settings.ts'
import type { Address, Prefix } from '../terms/address.ts'
import type { InTable, Ruleset } from './ruleset.ts'
import type { Trace } from './traces.ts'

/** What the kernel can be asked only with CAP_NET_ADMIN and libnftables. */
export interface Sight {
  readonly ruleset: Ruleset
  /** Of libnftables. */
  readonly version: string | undefined
  readonly supports: Readonly<Record<'queue' | 'log' | 'socket', boolean>>
}

/** Whoever runs the command from afar: the other end of his ssh connection, and the port here. */
export interface Caller {
  readonly address: Address
  readonly port: number
}

/** A network of containers or virtual machines on a bridge of this machine. */
export interface Bridge {
  readonly name: string
  readonly prefix: Prefix
}

/** What may take packets off their way through the chains without a rule that tells of it. */
export interface Detours {
  /** Queues to which a program listens, of ours as well. */
  readonly queues: readonly number[]
  readonly ipvs: boolean
  /** Interfaces of default routes that are bridges whose frames the firewall sees (br_netfilter). */
  readonly bridges: readonly string[]
}

export interface Facts {
  readonly settings: Settings
  /** What is wrong in the settings file, in whose place the defaults are looked at. */
  readonly wrong?: string | undefined
  /** Or why nothing can be seen, and what to do. */
  readonly sight: Sight | { readonly unseen: string; readonly advice: string | undefined }
  /** The tables of iptables-legacy, which nftables does not list: `ip filter`. */
  readonly legacy: readonly InTable[]
  /** What iptables-legacy-save writes of them; undefined where it cannot be asked. */
  readonly legacyRules?: string | undefined
  /** What managers have left in files. */
  readonly traces: readonly Trace[]
  /** Versions as their programs write them. */
  readonly kernel: string
  readonly node: string
  readonly forwards: boolean
  /** How many interfaces the default routes have, of all tables. */
  readonly uplinks: number
  /** Settings of this kernel, each 0, that would drop what is for this machine alone in frames to everybody: `net/ipv4/conf/all/drop_…`. */
  readonly framesToAll?: readonly string[]
  /** Ports of WireGuard interfaces here. */
  readonly doors?: readonly ServedPort[]
  /** What of this machine cannot be told whole, or not be named, and what follows: sentences. */
  readonly remarks?: readonly string[]
  readonly served: readonly ServedPort[]
  readonly neighbourhood: Neighbourhood
  /** Prefixes behind which DNS64 shows IPv4. */
  readonly nat64: readonly Prefix[]
  readonly connected: readonly Address[]
  /** The other ends of TCP connections to ports that are served here. */
  readonly clients: readonly Address[]
  readonly bridges: readonly Bridge[]
  readonly detours: Detours
  /** NFLOG groups to which a program listens. */
  readonly groups?: readonly number[]
  /** Files that hold the trap itself, and are loaded at boot. */
  readonly baked?: readonly string[]
  readonly caller: Caller | undefined
}
