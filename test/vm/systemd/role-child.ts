/** As the user that it was started as: sends each of the requests of its input, and prints the status of each answer, or why there was none. */
import { request } from 'node:http'
import { text } from 'node:stream/consumers'

export interface Asked {
  readonly socketPath: string
  readonly method: string
  readonly path: string
  readonly body: string
}

const answers: (number | string)[] = []
for (const { body, ...options } of JSON.parse(await text(process.stdin)) as Asked[]) {
  const asking = Promise.withResolvers<number | string>()
  // Events go on: that they have begun is enough.
  const asked = request({ ...options, agent: false }, response => {
    asking.resolve(response.statusCode!)
    response.destroy()
  })
  asked.on('error', error => asking.resolve((error as NodeJS.ErrnoException).code ?? error.message))
  asked.end(body)
  answers.push(await asking.promise)
}
process.stdout.write(JSON.stringify(answers))
