import { testExamples } from '../../../test/support/documented.ts'

testExamples('packages/nfnetlink/README.md', 3)
