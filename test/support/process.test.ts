import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must, run, start } from './process.ts'

test('run tells output, exit status and signal', async () => {
  const result = await run(['sh', '-c', 'cat; echo bad >&2; exit 3'], { input: 'good' })
  assert.deepEqual(result, { stdout: 'good', stderr: 'bad\n', code: 3 })
  assert.equal((await run(['sh', '-c', 'kill -KILL $$'])).code, 128 + 9)
})

test('what takes too long is killed, and the error shows what it wrote', async () => {
  let pid = 0
  const tooLong = run(['sh', '-c', 'echo $$; exec sleep 60'], { timeout: 200 })
  await assert.rejects(tooLong, error => {
    pid = Number(
      String(error).match(/did not end in time; state S in \w+, .* ticks of work; it wrote:\n(\d+)/)?.[1],
    )
    return pid > 0
  })
  const exists = await run(['sh', '-c', `sleep 0.1; kill -0 ${pid}`])
  assert.notEqual(exists.code, 0)
})

test('a missing program and a failed must reject', async () => {
  await assert.rejects(run(['/no/such/program']), /ENOENT/)
  await assert.rejects(must(['sh', '-c', 'echo why; exit 1']), /exit status 1\nwhy/)
})

test('says goes through the lines in order, whole lines only', async () => {
  const shell = await start(['sh', '-c', 'printf "one\\ntw"; read _; printf "o\\none\\n"; read _'])
  assert.equal((await shell.says(/^one$/))[0], 'one')
  await assert.rejects(shell.says(/^tw/, 100), /did not say .* in time; state .*; it wrote:\none\ntw/)
  shell.write('\n')
  assert.equal((await shell.says(/^t(w)o$/))[1], 'w')
  await shell.says(/^one$/)
  await assert.rejects(shell.says(/^one$/, 100), /did not say/)
  shell.closeInput()
  assert.equal((await shell.ended).code, 1)
})

test('says does not wait for a process that has ended, and takes its last line unfinished', async () => {
  const shell = await start(['printf', 'last words'])
  await shell.says(/^last words$/)
  await assert.rejects(shell.says(/more/, 60_000), /ended without saying/)
})

test('stop sends the signal, and kills who does not listen', async () => {
  const polite = await start([
    'sh',
    '-c',
    'trap "echo bye; exit 5" TERM; echo up; while :; do sleep 0.01; done',
  ])
  await polite.says(/^up$/)
  assert.deepEqual(await polite.stop(), { stdout: 'up\nbye\n', stderr: '', code: 5 })
  const deaf = await start(['sh', '-c', 'trap "" TERM; echo up; exec sleep 60'])
  await deaf.says(/^up$/)
  await assert.rejects(deaf.stop('SIGTERM', 100), /did not end in time after SIGTERM/)
  assert.equal((await deaf.ended).code, 128 + 9)
})
