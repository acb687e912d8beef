import { tryBeside } from './beside.ts'

tryBeside('firewalld')
