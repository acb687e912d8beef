/**
 * A file whose reader waits for ever: it lies on a FUSE file system whose program, the keeper here, stops answering when it is told to. It is in a mount
 * namespace of the keeper's; should he be killed, whoever waits gets an error.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { start } from './process.ts'

export interface DeadFiles extends AsyncDisposable {
  /** The one file there. */
  readonly file: string
  /** Stands before a command that shall see it. */
  readonly by: readonly string[]
  /** What it says from now on. */
  write(text: string): Promise<void>
  hang(): Promise<void>
  goOn(): Promise<void>
}

/** What linux/fuse.h says. Nothing is cached, so that whoever looks asks the keeper. */
const KEEPER = `
use strict; use Fcntl; use POSIX qw(uname); $| = 1;
my ($folder) = @ARGV;
sysopen(my $fuse, '/dev/fuse', O_RDWR) or die "fuse: $!";
my $options = 'fd=' . fileno($fuse) . ',rootmode=40000,user_id=0,group_id=0,allow_other';
my $number = (uname())[4] eq 'aarch64' ? 40 : 165;
my ($source, $type) = ('none', 'fuse');
syscall($number, $source, $folder, $type, 0, $options) == 0 or die "mount: $!";
my ($text, $time, $hangs) = ('', time - 1000, 0);
sub attributes {
  my ($node) = @_;
  my ($size, $mode) = $node == 1 ? (0, 040755) : (length $text, 0100644);
  return pack('Q6 L10', $node, $size, 1, $time, $time, $time, 0, 0, 0, $mode, 1, 0, 0, 0, 4096, 0);
}
sub answer {
  my ($unique, $error, $out) = @_;
  syswrite($fuse, pack('L l Q', 16 + length $out, -$error, $unique) . $out);
}
sub serve {
  sysread($fuse, my $asked, 1 << 20) or exit;
  my (undef, $what, $unique, $node) = unpack('L L Q Q', $asked);
  my $in = substr($asked, 40);
  if ($what == 26) { answer($unique, 0, pack('L4 S2 L2 x36', 7, 31, 0, 0, 1, 1, 4096, 1)) }
  elsif ($what == 1) {
    return answer($unique, 2, '') if unpack('Z*', $in) ne 'list.txt';
    answer($unique, 0, pack('Q4 L2', 2, 0, 0, 0, 0, 0) . attributes(2));
  }
  elsif ($what == 3) { answer($unique, 0, pack('Q L2', 0, 0, 0) . attributes($node)) }
  elsif ($what == 14) { answer($unique, 0, pack('Q L2', 0, 1, 0)) }
  elsif ($what == 15) {
    my (undef, $offset, $size) = unpack('Q Q L', $in);
    answer($unique, 0, $offset < length $text ? substr($text, $offset, $size) : '');
  }
  elsif ($what == 18 || $what == 25) { answer($unique, 0, '') }
  elsif ($what != 2 && $what != 42 && $what != 36) { answer($unique, 38, '') }
}
print "$$\\n";
for (;;) {
  my $ready = '';
  vec($ready, fileno(STDIN), 1) = 1;
  vec($ready, fileno($fuse), 1) = 1 if !$hangs;
  select($ready, undef, undef, undef);
  if (vec($ready, fileno(STDIN), 1)) {
    sysread(STDIN, my $line, 4096) or last;
    chomp $line;
    if ($line eq 'hang') { $hangs = 1 }
    elsif ($line eq 'go on') { $hangs = 0 }
    else { $text = join("\\n", split / /, $line) . "\\n"; $time++ }
    print "$line: done\\n";
  }
  elsif (!$hangs && vec($ready, fileno($fuse), 1)) { serve() }
}
`

export async function deadFiles(): Promise<DeadFiles> {
  const folder = mkdtempSync(join(tmpdir(), 'flypaperd-test-fuse-'))
  const keeper = await start([
    ...['unshare', '--mount', '--propagation', 'private'],
    ...['perl', '-e', KEEPER, folder],
  ])
  await keeper.says(/^\d+$/)
  const tell = async (line: string) => {
    keeper.write(`${line}\n`)
    await keeper.says(new RegExp(`^${line.replaceAll('.', '\\.')}: done$`))
  }
  return {
    file: join(folder, 'list.txt'),
    by: ['nsenter', `--mount=/proc/${keeper.pid}/ns/mnt`, '--'],
    write: text => tell(text),
    hang: () => tell('hang'),
    goOn: () => tell('go on'),
    async [Symbol.asyncDispose]() {
      keeper.closeInput()
      await keeper.ended
      rmSync(folder, { recursive: true })
    },
  }
}
