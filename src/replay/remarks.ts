/** What of a capture file was not played, or not as it was: sentences. Pure. */
import { CALLS } from './ports.ts'
import { OWN_MAX, PACKETS_MAX, type Script } from './script.ts'
import type { Played } from './two-sides.ts'

/** errno(3): a packet that the trap drops on its way out, an answer to who sticks, is refused so. */
const EPERM = 1

export function remarksOf(script: Script, { refused }: Played, withGaps: boolean): string[] {
  const { left, flows, own, callsFrom } = script
  const whose = own.length === 1 ? own[0]! : 'the protected host'
  const links = [...left.links].map(([link, packets]) => `${link} (${packets} packets)`)
  const [headless, halved] = [flows.headless(), flows.halved()]
  const failed = Object.entries(refused).filter(([key]) => key !== `out ${EPERM}`)
  const sentences: readonly (readonly [isSo: boolean, text: string])[] = [
    [script.fault !== undefined, `The file is not whole: ${script.fault?.why}.`],
    [links.length > 0, `Link types that are not understood: ${links.join(', ')}.`],
    [left.notIp > 0, `Not IP, and left out: ${counted(left.notIp)}.`],
    [left.cut > 0, `Cut off in their headers by the snap length, and left out: ${counted(left.cut)}.`],
    [left.damaged > 0, `Damaged in their IP header, and left out: ${counted(left.damaged)}.`],
    [
      left.elsewhere > 0,
      `Between other hosts, and left out: ${counted(left.elsewhere)}.${script.other === undefined ? '' : ` The busiest of them is ${script.other.host}: --as ${script.other.host} protects that one.`}`,
    ],
    [
      left.beyond > 0,
      `Not played, since ${PACKETS_MAX} packets of 64 MB are the most: ${counted(left.beyond)}, the last ones.`,
    ],
    [
      script.packets.out === 0,
      `One-sided: ${whose} says nothing in this file, so every port of it is closed here, the open ones, too.`,
    ],
    [
      script.packets.out > 0 && halved > 0,
      `One-sided: TCP flows where the other goes on as if it had been answered, and no answer is in the file: ${halved}. Such a port is closed here.`,
    ],
    [
      headless > 0,
      `TCP flows without a beginning in the file, which conntrack does not know here: ${headless}.`,
    ],
    [
      callsFrom.least < CALLS.least || callsFrom.most > CALLS.most,
      `It calls others from ports ${callsFrom.least} to ${callsFrom.most}, so these are the ip_local_port_range here: what comes late to them is no evidence.`,
    ],
    [script.unheard > 0, `Open ports that are closed here, since there are too many: ${script.unheard}.`],
    [
      script.made > 0,
      `Not whole in the file, and played with zeros for their data: ${counted(script.made)}.`,
    ],
    [
      script.isOffloaded,
      'Most checksums of what came in are wrong, as where a network card fills them in: all were made anew.',
    ],
    [script.fragments > 0, `Fragments, which the kernel joins: ${counted(script.fragments)}.`],
    [
      failed.length > 0,
      `Refused by the kernel of the clone: ${failed.map(([key, n]) => `${key.replace(' ', ', errno ')}: ${counted(n)}`).join('; ')}.`,
    ],
    [own.length > 1, `One host has all these addresses, of ${OWN_MAX} at most: ${own.join(', ')}.`],
    [!withGaps, 'Gaps are left out: what counts within a minute may have been spread over days.'],
  ]
  return sentences.filter(([isSo]) => isSo).map(([, text]) => text)
}

function counted(packets: number): string {
  return packets === 1 ? '1 packet' : `${packets} packets`
}
