#!/usr/bin/env node
// Of such old words that any Node understands it: one that is too old says so, instead of a syntax error.
'use strict'
// Or Node opens a port to its debugger at this signal. Its option against that is a mistake to an older Node.
process.on('SIGUSR1', function () {})
var wanted = require('../package.json').engines.node.replace(/[^0-9]/g, '')
if (parseInt(process.versions.node, 10) < parseInt(wanted, 10)) {
  console.error(
    'flypaperd needs Node ' + wanted + ' or later; ' + process.execPath + ' is Node ' + process.versions.node + '.'
  )
  process.exit(69)
}
require('./main.cjs')
