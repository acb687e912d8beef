/** Serves mail and HTTPS until it is killed: `sink-child.ts KEY-FILE CERT-FILE PASSWORD`. Writes what it is sent, a line of JSON each. */
import { readFileSync } from 'node:fs'
import { mailSink, webSink } from '../support/sinks.ts'

const [key = '', cert = '', password = ''] = process.argv.slice(2)
const tls = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
const onTaken = (what: object) => console.log(JSON.stringify(what))
await mailSink({ port: 465, host: '0.0.0.0', tls, isSecure: true, password, onTaken })
await webSink({ port: 443, host: '0.0.0.0', tls, onTaken })
console.log('ready')
