/** Runs several things in turns, run after run, so that what disturbs the machine disturbs all of them. */
export async function inTurns<Name extends string, Outcome>(
  runs: number,
  attempts: Readonly<Record<Name, () => Promise<Outcome>>>,
): Promise<Record<Name, Outcome[]>> {
  const names = Object.keys(attempts) as Name[]
  const outcomes = Object.fromEntries(names.map(name => [name, [] as Outcome[]])) as Record<Name, Outcome[]>
  for (let run = 0; run < runs; run++) for (const name of names) outcomes[name].push(await attempts[name]())
  return outcomes
}
