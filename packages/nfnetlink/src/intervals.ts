/** Which intervals a set holds, from its elements: the kernel keeps each as its first key, and as the first one behind it. Pure. */
import type { RulesetElement } from './ruleset-parse.ts'
import type { SetElement } from './table-change.ts'
import type { There } from './without-destroy.ts'

/** Those of these that are there just as they are: neither wider nor narrower. */
export function intervalsThere(
  wanted: readonly SetElement[],
  elements: readonly RulesetElement[],
): readonly There[] {
  const found = new Map<string, { to: string; expiresMs: number | undefined }>()
  const sorted = elements
    .map(({ key, isEnd = false, expiresMs }) => ({ key: keyText(key), isEnd, expiresMs }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : Number(b.isEnd) - Number(a.isEnd)))
  for (const [i, { key, isEnd, expiresMs }] of sorted.entries()) {
    const next = sorted[i + 1]
    if (!isEnd) found.set(key, { to: next?.isEnd === true ? next.key : '', expiresMs })
  }
  return wanted.flatMap(element => {
    const there = found.get(keyText(element.key))
    const to = element.to === null || element.to === undefined ? '' : keyText(element.to)
    return there?.to === to ? [{ element, expiresMs: there.expiresMs }] : []
  })
}

/** Texts in the order of the keys, which are equally long. */
function keyText(key: SetElement['key']): string {
  return typeof key === 'number' ? key.toString(16).padStart(8, '0') : Buffer.from(key).toString('hex')
}
