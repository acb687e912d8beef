/**
 * The one place where text that strangers can write becomes text that is safe to show or to log.
 *
 * Unicode names the dangerous characters for us: Cc (C0, DEL and C1: colours, cursor, bell, line ends), Cf (bidi
 * controls, zero-width and tag characters: text that reads other than it is), Cs (lone surrogates, which no encoder
 * takes), Zl and Zp (line ends by other names); what is shown as nothing (fillers, variation selectors); and noncharacters,
 * which are for a program's own use: ours marks colours by them (surface/cli/terminal.ts).
 */
const PLAIN = /^[\x20-\x7e]*$/
const PLAIN_LINES = /^[\t\n\x20-\x7e]*$/
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/gu

/** The text as one line without control characters: each of them reads `\x1b` or `\u{202e}`. Nothing else changes. */
export function escapeText(text: string): string {
  return PLAIN.test(text) ? text : text.replace(UNSAFE, escaped)
}

/** The same for text of several lines: their ends stay, and tabs. `marks` are replaced by what they stand for. */
export function escapeLines(text: string, marks?: ReadonlyMap<string, string>): string {
  if (PLAIN_LINES.test(text)) return text
  return text.replace(UNSAFE, character => {
    if (character === '\n' || character === '\t') return character
    return marks?.get(character) ?? escaped(character)
  })
}

function escaped(character: string): string {
  const code = character.codePointAt(0)!.toString(16)
  return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u{${code}}`
}

/** The value as JSON that is safe to show as well: the same characters as \u escapes, which mean the same to a program. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value).replace(UNSAFE, character =>
    character.replace(/[\s\S]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  )
}
