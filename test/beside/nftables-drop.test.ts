import { tryBeside } from './beside.ts'

tryBeside('nftables, policy drop')
