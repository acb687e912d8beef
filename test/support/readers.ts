/** Readers of a unix socket who mean harm: an ordinary user's process with many connections at the same time. */
import type { Running } from './process.ts'
import type { Host } from './world.ts'

/** An ordinary user, of whom the daemon knows nothing. */
const NOBODY = '65534'

/**
 * What each connection does until the other side ends it; then there is a new one.
 * `pipeline`: requests without end, whose answers are read. `deaf`: the same, and nothing is read. `idle`: nothing. `drip`: a request, one
 * byte every 20 ms, without end. `storm`: one whole request, and away.
 */
export type Manner = 'pipeline' | 'deaf' | 'idle' | 'drip' | 'storm'

/** Perl, since it starts at once and everybody may read it: manner, socket, connections. Each second it says how many connections it has made. */
const PROGRAM = String.raw`
use strict; use Socket; use IO::Handle; use IO::Select; use Fcntl; use Errno qw(EAGAIN EINPROGRESS); use Time::HiRes qw(time sleep);
my ($manner, $path, $most) = @ARGV; $| = 1; $SIG{PIPE} = 'IGNORE';
my $request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
my $many = $request x 1500;
my $reading = IO::Select->new; my $writing = IO::Select->new; my ($made, $told) = (0, 0); my %fed;
sub hang_up { my ($s) = @_; $reading->remove($s); $writing->remove($s); delete $fed{$s}; close $s }
sub reach {
  socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die $!;
  $s->blocking(0);
  connect($s, pack_sockaddr_un($path)) or return 0;
  $made++;
  if ($manner eq 'storm') { syswrite $s, $request; close $s; return 1 }
  $reading->add($s) if $manner ne 'deaf'; $writing->add($s) if $manner eq 'pipeline' || $manner eq 'deaf'; $fed{$s} = [$s, time];
  return 1;
}
print "begun\n";
while (1) {
  if ($manner eq 'storm') { reach() or sleep 0.001 }
  else { while (keys %fed < $most) { reach() or last } }
  if (time - $told > 1) { $told = time; print "made $made\n" }
  next if $manner eq 'storm';
  if ($manner eq 'drip') {
    for (values %fed) { syswrite($_->[0], substr $request, 4, 1) if time - $_->[1] > 0.02 and $_->[1] = time }
  }
  my ($r, $w) = IO::Select->select($reading, $writing, undef, 0.01);
  for my $s (@{ $w || [] }) { defined syswrite($s, $many) or $! == EAGAIN or hang_up($s) }
  for my $s (@{ $r || [] }) {
    next unless $reading->exists($s);
    my $got = sysread $s, my $text, 65536;
    hang_up($s) if defined $got ? $got == 0 : $! != EAGAIN;
  }
}
`

/** Starts them; resolves when they have begun. The socket's directory must be open to everybody. */
export async function harass(
  host: Host,
  path: string,
  manner: Manner,
  connections: number,
): Promise<Running> {
  const asNobody = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--']
  const readers = await host.start([...asNobody, 'perl', '-e', PROGRAM, manner, path, String(connections)])
  await readers.says(/^begun$/)
  return readers
}

/** How many connections they have made so far. */
export function connectionsMade(readers: Running): number {
  return Number([...readers.output().matchAll(/^made (\d+)$/gm)].at(-1)?.[1] ?? 0)
}
