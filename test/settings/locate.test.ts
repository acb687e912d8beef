import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'smol-toml'
import { placeFinder, placesIn } from '../../src/settings/locate.ts'

const TOML = `# a = 1
a = 1 # [no.table]
"b c".'d' = """
x = "not a key"
\\""" ]""""
e = [ # [
  'one', [2, "t,w]o"],
  { f = 1979-05-27 07:32:00, g.h = "}" },
]

[ i . "j" ]
k = '''
[l]'''
m = -1.5e3
[[n]]
o = true
`

/** The text that stands at a place, up to the end of the line. */
function at(offset: number): string {
  return TOML.slice(offset).split('\n', 1)[0]!
}

test('the walk sees every key, header and entry, and nothing in strings and comments', () => {
  assert.ok(parse(TOML))
  assert.deepEqual(
    placesIn(TOML).map(({ path, key, value }) => [path.join('/'), at(key), at(value)]),
    [
      ['a', 'a = 1 # [no.table]', '1 # [no.table]'],
      ['b c', `"b c".'d' = """`, `"b c".'d' = """`],
      ['b c/d', `'d' = """`, '"""'],
      ['e', 'e = [ # [', '[ # ['],
      ['e/0', `'one', [2, "t,w]o"],`, `'one', [2, "t,w]o"],`],
      ['e/1', '[2, "t,w]o"],', '[2, "t,w]o"],'],
      ['e/1/0', '2, "t,w]o"],', '2, "t,w]o"],'],
      ['e/1/1', '"t,w]o"],', '"t,w]o"],'],
      ['e/2', '{ f = 1979-05-27 07:32:00, g.h = "}" },', '{ f = 1979-05-27 07:32:00, g.h = "}" },'],
      ['e/2/f', 'f = 1979-05-27 07:32:00, g.h = "}" },', '1979-05-27 07:32:00, g.h = "}" },'],
      ['e/2/g', 'g.h = "}" },', 'g.h = "}" },'],
      ['e/2/g/h', 'h = "}" },', '"}" },'],
      ['i', 'i . "j" ]', 'i . "j" ]'],
      ['i/j', '"j" ]', '"j" ]'],
      ['i/j/k', "k = '''", "'''"],
      ['i/j/m', 'm = -1.5e3', '-1.5e3'],
      ['n', 'n]]', 'n]]'],
      ['n/o', 'o = true', 'true'],
    ],
  )
})

test('what is not in the text is where its table is, else at the start', () => {
  const placeOf = placeFinder(TOML)
  assert.equal(at(placeOf(['i', 'j', 'missing']).key), '"j" ]')
  assert.equal(placeOf(['missing', 0]).key, 0)
})

test('the first of two places counts', () => {
  assert.equal(placeFinder('[a.b]\n[a]\nc = 1')(['a']).key, 1)
})
