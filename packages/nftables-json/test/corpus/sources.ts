/** The rulesets in nftables' own test suite: dumps (*.nft), and files of single rules (*.t) with the tables and chains in which they are tried. */

export interface Source {
  readonly name: string
  /** What is loaded at once. */
  readonly base: string
  /** What is then loaded one by one, so that what this machine cannot do hides nothing. */
  readonly rules: readonly string[]
}

export function rulesetsIn(name: string, text: string): readonly Source[] {
  return name.endsWith('.t') ? fromRules(name, text) : [{ name, base: text, rules: [] }]
}

/** `:chain;hook`, `*family;table;chain`, `!set definition;ok`, `?set elements;ok`, `%object definition;ok`, `rule;ok[;as it is printed]`. */
function fromRules(name: string, text: string): readonly Source[] {
  const lines = text.split('\n').filter(line => line !== '' && !/^[#-]/.test(line))
  const hooks = new Map(
    lines.filter(line => line.startsWith(':')).map(line => line.slice(1).split(';') as [string, string]),
  )
  const tables = lines.filter(line => line.startsWith('*')).map(line => line.slice(1).split(';'))
  return tables.map(([family = '', table = '', chains = '']) => {
    const at = `${family} ${table}`
    const all = chains.split(',')
    const base = [
      `add table ${at}`,
      ...all.map(chain => `add chain ${at} ${chain} { ${hooks.get(chain)} ; }`),
    ].join('\n')
    const rules = lines
      .filter(line => !/^[:*]/.test(line))
      .map(line => line.split(';'))
      .filter(([, verdict]) => verdict === 'ok')
      .map(([what = '']) => addition(what, at, all[0]!))
    return { name: `${name} ${family}`, base, rules }
  })
}

function addition(what: string, at: string, chain: string): string {
  const [first = '', ...rest] = what.slice(1).trim().split(/\s+/)
  if (what.startsWith('!')) return `add set ${at} ${first} { ${rest.join(' ')} ; }`
  if (what.startsWith('?')) return `add element ${at} ${first} { ${rest.join(' ')} }`
  if (what.startsWith('%')) {
    const [kind = '', ...definition] = rest[0] === 'type' ? rest.slice(1) : rest
    return `add ${kind} ${at} ${first} ${definition.join(' ')}`
  }
  return `add rule ${at} ${chain} ${what}`
}
