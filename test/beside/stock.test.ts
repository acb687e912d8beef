import { tryBeside } from './beside.ts'

tryBeside("Debian's stock nftables.conf")
