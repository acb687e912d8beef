/**
 * Who may import whom. Each floor imports only those before it; a floor owns the small interface that it needs of Linux, and
 * system/ implements it. test/floors.test.ts plants each forbidden import.
 */
const FLOORS = [
  'terms',
  'settings',
  'decode',
  'arm',
  'capture',
  'judge',
  'lockout',
  'log',
  'counters',
  'history',
  'doctor',
  'keep',
  'ring',
  'prove',
  'replay',
  'daemon',
  'what-if',
  'surface',
  'outside',
]

const folder = name => `^src/${name}/`

const floors = FLOORS.slice(0, -1).map((name, i) => ({
  name: `${name}-imports-only-floors-before-it`,
  severity: 'error',
  from: { path: folder(name) },
  to: { path: `^src/(${FLOORS.slice(i + 1).join('|')})/` },
}))

/** Folders and modules of Node that some must not import. */
const sentences = [
  {
    name: 'only-system-touches-linux',
    comment: 'The control server and its client hold their socket, as does that of the page.',
    severity: 'error',
    from: { path: '^src/', pathNot: '^src/(system|surface/(control|web))/' },
    to: {
      path: '^(koffi|node_modules/koffi)|^(node:)?(sqlite|fs|fs/promises|net|http|https|tls|dgram|dns|dns/promises|child_process|os|worker_threads)$',
    },
  },
  {
    name: 'the-daemon-reads-no-database-of-countries',
    comment: 'A parser of a foreign format, for people.',
    severity: 'error',
    from: { path: '^src/', pathNot: '^src/surface/cli/geo\\.ts$' },
    to: { path: 'node_modules/mmdb-lib' },
  },
  {
    name: 'system-implements-what-the-floors-need',
    comment: 'Only main.ts and checkout.ts open the real one.',
    severity: 'error',
    from: { path: '^src/', pathNot: '^src/(system/|(main|checkout|command)\\.ts)' },
    to: { path: '^(src/system|packages)/' },
  },
  {
    name: 'system-knows-no-daemon',
    comment: 'system.ts alone knows what the command line wants to open.',
    severity: 'error',
    from: { path: '^src/system/', pathNot: '^src/system/system\\.ts$' },
    to: { path: '^src/(daemon|surface)/' },
  },
  {
    name: 'deciding-is-pure',
    comment: 'No clock, no file, no log.',
    severity: 'error',
    from: { path: '^src/(terms|decode|judge|lockout/decide|doctor)/' },
    to: { dependencyTypes: ['core'] },
  },
  {
    name: 'deciding-changes-nothing',
    severity: 'error',
    from: { path: '^src/lockout/decide/' },
    to: { path: '^src/(arm/firewall|lockout/(commit|free|hold))\\.ts$' },
  },
  {
    name: 'the-doctor-changes-nothing',
    comment: 'Facts in, findings out. It knows the ruleset as data.',
    severity: 'error',
    from: { path: '^src/doctor/' },
    to: { path: '^src/(capture|judge|lockout|log|counters|history)/' },
  },
  {
    name: 'outside-has-no-firewall',
    comment: 'It speaks to the daemon, and to the world; the trap is none of its business.',
    severity: 'error',
    from: { path: '^src/outside/' },
    to: {
      path: '^src/(arm|capture|decode|judge|lockout|counters|history|doctor|keep|ring|prove|replay|daemon|what-if)/',
    },
  },
  {
    name: 'nodemailer-is-for-one',
    comment: 'Whoever imports it otherwise than when a mail is sent has it in the daemon.',
    severity: 'error',
    from: { path: '^src/', pathNot: '^src/system/mail\\.ts$' },
    to: { path: '(^|/)nodemailer(/|$)' },
  },
  {
    name: 'the-page-runs-in-a-browser',
    comment: 'Of ours it takes words and shapes, which are pure.',
    severity: 'error',
    from: { path: '^page/' },
    to: { path: '^src/', pathNot: '^src/(terms|judge|log/reasons\\.ts|surface/control/((past|status)-)?protocol\\.ts)' },
  },
  ...['nftables-json', 'nfnetlink'].map(name => ({
    name: `${name}-is-a-library-of-its-own`,
    severity: 'error',
    from: { path: `^packages/${name}/src/` },
    to: { path: '^(src|test|packages)/', pathNot: `^packages/${name}/src/` },
  })),
  {
    name: 'no-circles',
    severity: 'error',
    from: {},
    to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
  },
  {
    name: 'resolvable',
    severity: 'error',
    from: {},
    to: { couldNotResolve: true, pathNot: '^node:sqlite$' },
  },
]

module.exports = {
  forbidden: [...floors, ...sentences],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
}
// For the test; dependency-cruiser takes no properties that it does not know.
Object.defineProperty(module.exports, 'FLOORS', { value: FLOORS, enumerable: false })
