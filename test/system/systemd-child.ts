/** Tells whoever NOTIFY_SOCKET names everything that can be told, once. */
import { statusOf } from '../../src/surface/cli/supervisor.ts'
import { openSupervisor } from '../../src/system/systemd.ts'

const supervisor = openSupervisor(process.env, process.pid)
supervisor.ready(statusOf(0))
supervisor.alive(statusOf(1))
supervisor.reloading()
supervisor.stopping()
