import { tryBeside } from './beside.ts'

tryBeside('ufw')
