import { tryBeside } from './beside.ts'

tryBeside('router with DNAT and masquerading')
