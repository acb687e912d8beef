/** The command line: the table of verbs becomes a program, and every outcome an exit status. */
import { Command, CommanderError } from 'commander'
import { loadSettings, parseSettings } from '../../settings/load.ts'
import { DEFAULT_FILE } from '../../settings/sources.ts'
import { escapeText } from '../../terms/escape.ts'
import { EXIT, type ExitStatus, Failure } from '../../terms/failure.ts'
import { COMMON_OPTIONS, placesTold } from './places.ts'
import type { System, Told } from './system.ts'
import { leaving, paint } from './terminal.ts'
import { exitSentence, type Verb } from './verb.ts'
import { VERBS } from './verbs/index.ts'

/** Where text leaves: all of it has passed `leaving`. */
export interface Streams {
  out(text: string): void
  err(text: string): void
  /** From now on neither of them may wait for whoever reads. */
  hurry?(): void
  /** Given when nobody reads `out` any more. */
  readonly gone?: AbortSignal
}

/** ECMA-48: back to the beginning of the line, which is cleared. */
const LINE_AGAIN = '\r\x1b[K'
const NEVER = new AbortController().signal

/** Runs one command line; returns its exit status. Never throws. */
export async function runProgram(
  argv: readonly string[],
  openSystem: (told?: Told) => System,
  { hurry, gone = NEVER, ...streams }: Streams,
): Promise<ExitStatus> {
  let exit: ExitStatus = EXIT.ok
  const { version, terminal } = openSystem()
  const out = (text: string) => streams.out(leaving(terminal, text))
  const err = (text: string) => streams.err(leaving(terminal, text))
  const program: Command = new Command('flypaperd')
  program
    .description(
      'Touch one closed port, and this host does not react to you for ten minutes. Touch several, and it does not for as long as you go on trying.',
    )
    .helpCommand('help [verb]', 'show this, or what a verb does')
    .showHelpAfterError('(flypaperd help shows the verbs)')
    .exitOverride()
    .configureOutput({
      writeOut: out,
      writeErr: err,
      outputError: (text, write) => write(text.replace(LINE_END_OF_ANOTHER, escapeText)),
      getOutHelpWidth: () => Math.min(terminal.columns, 120),
      getOutHasColors: () => terminal.colours,
    })
    .configureHelp({ styleTitle: text => paint(terminal, 'bold', text) })
    .usage('VERB [options]')
    .version(`flypaperd ${version}`, '--version')
  for (const verb of VERBS) {
    addVerb(program, verb, async (args, options) => {
      const file = options.settings as string | undefined
      const print = (text: string) => {
        if (gone.aborted) throw new OutputGone()
        out(`${text}\n`)
      }
      if (verb.isDaemon) hurry?.()
      const system = openSystem(await placesTold(verb, options))
      exit = await verb.run({
        args,
        options,
        settings: () => loadSettings(file, system.readText, system.folders),
        usableSettings: () => usableSettings(file, system, err),
        readSettings: isSettled => system.readSettings(file, isSettled),
        system,
        print,
        warn: text => err(`${text}\n`),
        progress: text => terminal.showsProgress && streams.err(`${LINE_AGAIN}${leaving(terminal, text)}`),
        gone,
      })
    })
  }
  try {
    await program.parseAsync(argv as string[], { from: 'user' })
    return exit
  } catch (error) {
    return explain(error, err)
  }
}

/** One line says what is wrong; `flypaperd check` says where. */
function usableSettings(
  file: string | undefined,
  { readText, folders }: System,
  err: (text: string) => void,
) {
  try {
    return { settings: loadSettings(file, readText, folders) }
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const [first] = error.message.split('\n')
    err(`flypaperd: ${first}\nThe defaults are taken instead. To see all of it: flypaperd check\n`)
    return { settings: parseSettings('', DEFAULT_FILE), wrong: error }
  }
}

/** Commander repeats what was typed as it is; its own are the last end of a line, and that before its suggestion. */
const LINE_END_OF_ANOTHER = /\n(?!$|\(Did you mean [\w ,-]+\?\)\n$)/g

type Action = (
  args: readonly string[],
  options: Record<string, string | boolean | undefined>,
) => Promise<void>

function addVerb(program: Command, verb: Verb, action: Action): void {
  const command = program
    .command(verb.args === undefined ? verb.name : `${verb.name} ${verb.args}`)
    .summary(verb.summary)
    .description(
      `flypaperd ${verb.name}: ${verb.summary}.${verb.details === undefined ? '' : `\n\n${verb.details}`}\n\n${exitSentence(verb.exits)}`,
    )
    .addHelpText('after', `\nExamples:\n${verb.examples.map(example => `  ${example}`).join('\n')}`)
  for (const { flags, what } of [...COMMON_OPTIONS, ...(verb.options ?? [])]) command.option(flags, what)
  command.action(async (...given: unknown[]) => {
    const args = given
      .slice(0, -2)
      .flat()
      .filter(arg => typeof arg === 'string')
    await action(args, command.opts())
  })
}

/** Nobody reads on: a pipe to head. What would still be printed need not be worked out. */
class OutputGone extends Error {}

function explain(error: unknown, err: (text: string) => void): ExitStatus {
  if (error instanceof OutputGone) return EXIT.ok
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  if (error instanceof Failure) {
    err(`flypaperd: ${error.message}\n${error.hint === undefined ? '' : `${error.hint}\n`}`)
    return error.exit
  }
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error)
  err(
    `flypaperd: this is a bug of flypaperd; please report it with these lines:\n${trace.split('\n').map(escapeText).join('\n')}\n`,
  )
  return EXIT.bug
}
