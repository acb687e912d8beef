/** Which test files mirror what was changed. */
import { execFileSync } from 'node:child_process'
import { dirname, join } from 'node:path'

/** Since the branch left main, committed or not; without a branch of that name, what is not committed. Paths from the top of the checkout. */
export function changedFiles(): string[] {
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'safe.directory=*', ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
      .split('\n')
      .filter(Boolean)
  const base = (() => {
    try {
      return git('merge-base', 'HEAD', 'main')[0]!
    } catch {
      return 'HEAD'
    }
  })()
  return [...git('diff', '--name-only', base), ...git('ls-files', '--others', '--exclude-standard')]
}

/**
 * A test file that was changed itself, and those of a source: of its name, or else of its folder. `tests` are all that there are, as
 * they would be run.
 */
export function testsOf(changed: readonly string[], tests: readonly string[]): string[] {
  const found = new Set<string>()
  for (const file of changed) {
    if (tests.includes(file)) found.add(file)
    const [, owner = '', source] = /^(packages\/[^/]+\/)?src\/(.*\.ts)$/.exec(file) ?? []
    if (source === undefined) continue
    const ofName = join(owner, 'test', source).replace(/\.ts$/, '.test.ts')
    const inFolder = tests.filter(test => dirname(test) === dirname(ofName))
    for (const test of inFolder.includes(ofName) ? [ofName] : inFolder) found.add(test)
  }
  return [...found].sort()
}
