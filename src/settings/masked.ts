/** What a person wrote into the settings by mistake is shown to him, in a log too: but for what looks like a secret. */

const SECRETS: readonly RegExp[] = [
  // The password in a URL, and what follows the host: tokens of webhooks stand there.
  /(?<=:\/\/[^\s"'/@]*:)[^\s"'/]+(?=@)/g,
  /(?<=https?:\/\/[^\s"'/]+\/)[^\s"']+/g,
  // What was written as the value of such a name.
  /(?<=\b(?:pass(?!word_file)\w*|token|secret|api_key|authorization)["']?\s*=\s*["'])[^"']+/gi,
]

/** The same text, as long, with stars in place of secrets. */
export function masked(text: string): string {
  return SECRETS.reduce((shown, secret) => shown.replace(secret, it => '*'.repeat(it.length)), text)
}
