import { tryBeside } from './beside.ts'

tryBeside('Docker')
