import { tryBeside } from './beside.ts'

tryBeside('iptables-nft')
