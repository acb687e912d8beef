/** The reasons by which flies can be searched, as the daemon knows them. */
import { GUILTS } from '../src/judge/verdict.ts'

export const REASONS = [...GUILTS, 'by-hand'] as const
