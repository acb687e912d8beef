/** How the demo tells its story: a sentence, a command, what it printed; and a check of each claim. */

const isTerminal = process.stdout.isTTY === true && !process.env.NO_COLOR
const paint = (code: number) => (text: string) => (isTerminal ? `\x1b[${code}m${text}\x1b[0m` : text)
const bold = paint(1)
const dim = paint(2)
const green = paint(32)
const red = paint(31)

export function say(sentence: string): void {
  console.log(`\n${bold(`# ${sentence}`)}`)
}

/** A command as one would type it on that host. */
export function show(host: string, command: string): void {
  console.log(dim(`${host}$ ${command}`))
}

export function print(output: string): void {
  for (const line of output.trimEnd().split('\n')) console.log(`  ${line}`)
}

/** Ends the demo with exit status 1 when the claim is not true. */
export function claim(isTrue: boolean, sentence: string): void {
  console.log(isTrue ? green(`  ✔ ${sentence}`) : red(`  ✖ NOT SO: ${sentence}`))
  if (!isTrue) throw new Error(`the demo did not show what it claims: ${sentence}`)
}
