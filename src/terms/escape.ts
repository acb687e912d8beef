/**
 * The one place where text that strangers can write becomes text that is safe to show or to log.
 *
 * Unicode names the dangerous characters for us: Cc (C0, DEL and C1: colours, cursor, bell, line ends), Cf (bidi
 * controls, zero-width and tag characters: text that reads other than it is), Cs (lone surrogates, which no encoder
 * takes), Zl and Zp (line ends by other names).
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/** The text as one line without control characters: each of them reads `\x1b` or `\u{202e}`. Nothing else changes. */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, character => {
    const code = character.codePointAt(0)!.toString(16)
    return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u{${code}}`
  })
}
