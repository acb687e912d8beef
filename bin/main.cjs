// A file of its own, since import() is a syntax error for the oldest.
'use strict'
import('../dist/main.js')
