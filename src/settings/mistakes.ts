/** Issues of zod become mistakes with a place in the text and a name that people know. */
import type * as z from 'zod'
import { classSettings, evidenceSettings } from './evidence.ts'
import type { Mistake } from './explain.ts'
import { isTable, type Wrong } from './kinds.ts'
import type { Path, Place } from './locate.ts'
import { masked } from './masked.ts'
import { nearest } from './nearest.ts'
import { mailSettings, webhookSettings } from './notify.ts'
import { tableSettings, topSettings } from './schema.ts'

const MOST_SHOWN = 60

/** The mistakes of one issue: of an issue about unknown keys, one each. */
export function mistakesOf(
  issue: z.core.$ZodIssue,
  document: unknown,
  placeOf: (path: Path) => Place,
): Mistake[] {
  const path = issue.path as Path
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map(key => ({
      offset: placeOf([...path, key]).key,
      setting: [...path, key].join('.'),
      ...unknownKey(path, key),
    }))
  if (issue.code !== 'custom') throw new Error(`the schema reports what nobody explains: ${issue.code}`)
  const { takes, ...wrong } = issue.params as unknown as Wrong & { takes?: string }
  const value = path.reduce((inside: unknown, part) => (inside as never)[part], document)
  const [name, write] = typeof path.at(-1) === 'number' ? entryNames(path) : settingNames(path)
  return [
    {
      offset: placeOf(path).value,
      setting: path.filter(part => typeof part === 'string').join('.'),
      problem:
        wrong.problem === undefined
          ? `${name} must be ${takes}, not ${show(value)}`
          : `${Array.isArray(value) || isTable(value) ? name : show(value)} ${wrong.problem}`,
      advice: 'write' in wrong ? `${write}${wrong.write}` : wrong.advice,
    },
  ]
}

function settingNames(path: Path): [name: string, write: string] {
  return [path.join('.'), `write ${path.at(-1)} = `]
}

function entryNames(path: Path): [name: string, write: string] {
  return [`entry ${Number(path.at(-1)) + 1} of ${path.slice(0, -1).join('.')}`, 'write ']
}

function unknownKey(path: Path, key: string): Omit<Mistake, 'offset'> {
  const table = path.length === 0 ? undefined : path.join('.')
  const known = Object.keys(table === undefined ? { ...topSettings, ...tableSettings } : tablesByName[table]!)
  const problem = `${show(key)} is not a setting${table === undefined ? '' : ` of [${table}]`}`
  if (table !== undefined && Object.hasOwn(topSettings, key))
    return { problem, advice: `write ${key} above the first [table]` }
  const [home] = Object.entries(tableSettings).find(([, settings]) => Object.hasOwn(settings, key)) ?? []
  if (home !== undefined) return { problem, advice: `write ${key} below [${home}]` }
  const meant = nearest(key, known)
  if (meant !== undefined) return { problem, advice: `did you mean ${meant}?` }
  return {
    problem,
    advice: `${table === undefined ? 'the settings are' : `those of [${table}] are`} ${known.join(', ')}`,
  }
}

const tablesByName: Record<string, object> = {
  ...tableSettings,
  ...Object.fromEntries(Object.entries(classSettings).map(([name, of]) => [`evidence.${name}`, of])),
  'notify.mail': mailSettings,
  'notify.webhook': webhookSettings,
  grades: evidenceSettings,
}

/** A value as its writer knows it. */
function show(value: unknown): string {
  if (typeof value === 'string') {
    const shown = masked(value)
    return `"${shown.length > MOST_SHOWN ? `${shown.slice(0, MOST_SHOWN)}…` : shown}"`
  }
  if (Array.isArray(value)) return 'a list'
  if (value instanceof Date) return 'a date or time'
  return isTable(value) ? 'a table' : String(value)
}
