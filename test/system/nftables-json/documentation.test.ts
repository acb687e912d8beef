import { testExamples } from '../../support/documented.ts'

testExamples('docs/nftables-json.md', 3)
