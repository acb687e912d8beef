/** The port to the log. A line is one line of text for people; whatever it holds, it never becomes two. */
export interface Log {
  info(line: string): void
  warn(line: string): void
  error(line: string): void
}
