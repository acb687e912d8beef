/**
 * Readers that do not read: what the daemon writes to is full, and stays so until it is told to go on. Each is the real
 * thing: a datagram socket, a pipe, a stream socket, a terminal that Ctrl-S has stopped, a frozen file system.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Options } from './daemon.ts'
import type { Host } from './world.ts'

export interface Hung {
  /** How the daemon is run, so that it writes there. */
  readonly options: Options
  /** Makes what it writes to, where that must be there before it runs. */
  begin?(host: Host): Promise<void>
  /** Once it runs. */
  stop?(host: Host, pid: number): Promise<void>
  /** From now on it is read. */
  goOn(host: Host, pid: number): Promise<void>
  /** What was read so far. */
  text(): string
}

/** Runs `start` by the first command, and every other verb as it is: these are heard. */
export function startedBy(command: string): readonly string[] {
  return ['sh', '-c', `case "$*" in *" start "*) unset JOURNAL_STREAM; ${command};; esac; exec "$@"`, 'sh']
}

/** A /dev that has what a program needs, and maybe a log: the machine's own is not touched. */
export function ownDev(log?: string): string {
  return [
    'mount --make-rprivate / && mount -t tmpfs none /mnt && mkdir /mnt/pts /mnt/shm',
    'for name in null zero full random urandom tty; do touch /mnt/$name && mount --bind /dev/$name /mnt/$name; done',
    'mount --bind /dev/pts /mnt/pts && ln -s pts/ptmx /mnt/ptmx && ln -s /proc/self/fd /mnt/fd',
    ...(log === undefined ? [] : [`ln -s ${log} /mnt/log`]),
    'mount --rbind /mnt /dev',
  ].join(' && ')
}

/** Binds a datagram socket, and reads it from the moment that the file `go` is there. */
const SYSLOG = `
use strict; use Socket; $| = 1;
my ($path, $go, $out) = @ARGV;
unlink $path;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die $!;
bind($socket, pack('S a*', AF_UNIX, $path)) or die $!;
print "bound\\n";
select(undef, undef, undef, 0.02) until -e $go;
open(my $text, '>>', $out) or die $!;
$text->autoflush(1);
while (defined recv($socket, my $datagram, 9000, 0)) { print $text "$datagram\\n" }
`

/** Runs a program whose output goes to a pipe or a stream socket that is full, and is read once the file \`go\` is there. */
const FULL = `
use strict; use Socket; use Fcntl; use IO::Handle;
my ($kind, $go, $out, @command) = @ARGV;
my ($reader, $writer);
if ($kind eq 'pipe') { pipe($reader, $writer) or die $! }
else { socketpair($reader, $writer, AF_UNIX, SOCK_STREAM, 0) or die $! }
if (fork == 0) {
  close $writer;
  select(undef, undef, undef, 0.02) until -e $go;
  open(my $text, '>>', $out) or die $!;
  $text->autoflush(1);
  while (sysread($reader, my $some, 65536)) { print $text $some }
  exit;
}
close $reader;
my $flags = fcntl($writer, F_GETFL, 0);
fcntl($writer, F_SETFL, $flags | O_NONBLOCK);
1 while defined syswrite($writer, 'x' x 512);
1 while defined syswrite($writer, 'x');
fcntl($writer, F_SETFL, $flags);
open(STDOUT, '>&', $writer) or die $!;
open(STDERR, '>&', $writer) or die $!;
my ($device, $inode) = stat(STDERR);
$ENV{JOURNAL_STREAM} = "$device:$inode" if $kind eq 'journal';
exec @command;
`

/** tcflow(3): ioctl(TCXONC) with TCOOFF, as Ctrl-S does, or TCOON. */
const FLOW = `open(my $terminal, '+<', $ARGV[0]) or die $!; ioctl($terminal, 0x540A, 0 + $ARGV[1]) or die $!`

/** The reader makes the file when it begins. */
const textOf = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8') : '')

const quote = (words: readonly string[]) => words.map(word => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')

export function hungSyslog(folder: string): Hung {
  const [socket, go, out] = [join(folder, 'log.sock'), join(folder, 'go'), join(folder, 'out')]
  return {
    options: { by: startedBy('exec "$@" >/dev/null 2>&1'), mount: ownDev(socket) },
    async begin(host) {
      const reader = await host.start(['perl', '-e', SYSLOG, socket, go, out])
      await reader.says(/^bound$/)
    },
    async goOn() {
      writeFileSync(go, '')
    },
    text: () => textOf(out),
  }
}

export function hungPipe(folder: string, kind: 'pipe' | 'journal'): Hung {
  const [go, out] = [join(folder, 'go'), join(folder, 'out')]
  return {
    options: { by: startedBy(`exec perl -e ${quote([FULL, kind, go, out])} "$@"`), mount: ownDev() },
    async goOn() {
      writeFileSync(go, '')
    },
    text: () => textOf(out),
  }
}

/** Where is the terminal of a process? */
const terminalOf = async (host: Host, pid: number) =>
  (await host.must(['readlink', `/proc/${pid}/fd/1`])).trim()

export function hungTerminal(folder: string): Hung {
  const out = join(folder, 'out')
  const command = 'command="exec"; for word; do command="$command \'$word\'"; done'
  return {
    options: { by: startedBy(`${command}; exec script -qfec "$command" ${out} >/dev/null 2>&1 </dev/null`) },
    async stop(host, pid) {
      await host.must(['perl', '-e', FLOW, await terminalOf(host, pid), '0'])
    },
    async goOn(host, pid) {
      await host.must(['perl', '-e', FLOW, await terminalOf(host, pid), '1'])
    },
    text: () => textOf(out),
  }
}

/** A file system in a file, of a mount namespace that a process of the host keeps. */
export function hungDisk(folder: string): Hung {
  const [image, disk] = [join(folder, 'image'), join(folder, 'disk')]
  let keeper = 0
  const inside = (...command: string[]) => ['nsenter', `--mount=/proc/${keeper}/ns/mnt`, '--', ...command]
  return {
    options: {
      mount: ownDev(),
      by: startedBy(
        `read keeper <${join(folder, 'keeper')}; exec >>/proc/$keeper/root${disk}/log 2>&1; exec "$@"`,
      ),
    },
    async begin(host) {
      const make = `truncate -s 8M ${image} && mkfs.ext4 -q ${image} && mkdir ${disk} && mount -o loop ${image} ${disk} && echo $$ && exec sleep 1000`
      const running = await host.start(['unshare', '--mount', '--propagation', 'private', 'sh', '-c', make])
      const [pid] = await running.says(/^\d+$/)
      keeper = Number(pid)
      writeFileSync(join(folder, 'keeper'), `${pid}\n`)
    },
    async stop(host) {
      await host.must(inside('fsfreeze', '--freeze', disk))
    },
    async goOn(host) {
      await host.must(inside('fsfreeze', '--unfreeze', disk))
    },
    text: () => readFileSync(`/proc/${keeper}/root${disk}/log`, 'utf8'),
  }
}
