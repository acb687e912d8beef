import { testExamples } from '../../support/documented.ts'

testExamples('docs/nfnetlink.md', 2)
