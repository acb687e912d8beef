/** The bodies of webhooks. Pure. Text of strangers stands in them as text: it makes no link, no mention, no other field. */
import type { Template } from '../../settings/settings.ts'
import type { Message } from './message.ts'

export interface Body {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Discord takes 2,000 characters. */
const DISCORD_MAX = 1900
/** What the others take, with room to spare: ntfy 4,096 bytes. */
const NTFY_MAX = 3800
const TEXT_MAX = 8000

export function bodyOf(template: Template, message: Message): Body {
  const { kind, subject, text, host, count } = message
  switch (template) {
    case 'json': {
      const iso = (ms: number) => new Date(ms).toISOString()
      const events = message.lines.map(({ at, text }) => ({ at: iso(at), text }))
      const times = { first: iso(message.first), last: iso(message.last) }
      return json({ host, kind, subject, text, count, ...times, events })
    }
    case 'ntfy':
      return {
        headers: {
          'Content-Type': 'text/plain; charset=utf-8',
          Title: subject,
          Priority: PRIORITIES[kind],
          Markdown: 'no',
        },
        body: cut(text, NTFY_MAX),
      }
    case 'slack':
      return json({
        text: `*${subject}*\n${fenced(cut(text, TEXT_MAX)).replace(/[&<>]/g, it => ENTITIES[it]!)}`,
      })
    case 'discord':
      return json({
        content: `**${subject}**\n${fenced(cut(text, DISCORD_MAX))}`,
        allowed_mentions: { parse: [] },
      })
    case 'gotify':
      return json({ title: subject, message: cut(text, TEXT_MAX), priority: Number(PRIORITIES[kind]) * 2 })
  }
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

/** As ntfy has them, from 1 to 5. */
const PRIORITIES: Readonly<Record<Message['kind'], string>> = {
  trap: '5',
  failing: '4',
  limit: '3',
  ours: '4',
  digest: '2',
  test: '3',
}

function json(value: object): Body {
  return { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(value) }
}

/** Nothing in it is looked at; it cannot end the fence. */
function fenced(text: string): string {
  return `\`\`\`\n${text.replaceAll('`', "'")}\`\`\``
}

/** Bytes, which ntfy counts, are more than characters: four at most. */
function cut(text: string, most: number): string {
  if (Buffer.byteLength(text) <= most) return text
  return `${Buffer.from(text)
    .subarray(0, most)
    .toString()
    .replace(/\ufffd$/, '')}…\n`
}
