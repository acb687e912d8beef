import { testExamples } from '../../../test/support/documented.ts'

testExamples('packages/nftables-json/README.md', 7)
