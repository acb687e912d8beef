/** Certificates for servers of a test: a signer of its own, and what it signed. */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Certificates {
  /** The file of the signer's certificate, in PEM. */
  readonly ca: string
  readonly keyFile: string
  readonly certFile: string
  readonly key: string
  readonly cert: string
}

/** Those of a server at these places (`IP:192.0.2.1`, `DNS:localhost`), in files of that directory; `name` tells several apart. */
export function makeCertificates(directory: string, name: string, places: string): Certificates {
  const file = (end: string) => join(directory, `${name}-${end}`)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    file('ca.key'),
    '-out',
    file('ca.pem'),
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
  )
  openssl(
    'req',
    ...key,
    '-keyout',
    file('key.pem'),
    '-out',
    file('csr.pem'),
    '-subj',
    `/CN=server of ${name}`,
  )
  writeFileSync(file('ext'), `subjectAltName=${places}\n`)
  const signer = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial', '-extfile', file('ext')]
  openssl('x509', '-req', '-in', file('csr.pem'), ...signer, '-out', file('cert.pem'), '-days', '2')
  return {
    ca: file('ca.pem'),
    keyFile: file('key.pem'),
    certFile: file('cert.pem'),
    key: readFileSync(file('key.pem'), 'utf8'),
    cert: readFileSync(file('cert.pem'), 'utf8'),
  }
}
