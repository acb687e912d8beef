/** Text as man(7) takes it. */

/** One paragraph: backslashes, hyphens and what would be a request at the start of a line are escaped; `code` is bold. */
export function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/gm, '\\&')
    .replaceAll(/`([^`]*)`/g, '\\fB$1\\fR')
    .replace(/[“”]/g, quote => (quote === '“' ? '\\(lq' : '\\(rq'))
}

export function bold(text: string): string {
  return `\\fB${roff(text)}\\fR`
}

/** A paragraph with a hanging tag. */
export function tagged(tag: string, ...body: readonly string[]): string {
  return ['.TP', tag, ...body].join('\n')
}

export function section(title: string, ...body: readonly string[]): string {
  return [`.SH ${title}`, ...body].join('\n')
}

/** Commands, one a line, as they are typed. */
export function listing(lines: readonly string[]): string {
  return ['.nf', '.RS', ...lines.map(roff), '.RE', '.fi'].join('\n')
}
