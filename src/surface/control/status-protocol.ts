/** What the daemon says of itself: the shapes of status and health. */
import * as z from 'zod'
import { TASKS } from '../../settings/outside.ts'

const Milliseconds = z.number().meta({ description: 'Milliseconds since 1970.' })

export const StatusAnswer = z.object({
  pid: z.int(),
  version: z.string(),
  since: Milliseconds,
  unit: z.string().optional().meta({ description: 'The unit of systemd that started it.' }),
  state: z.string().optional().meta({ description: 'The directory in which its history lies.' }),
  settingsFile: z
    .string()
    .optional()
    .meta({ description: 'Where its settings are looked for first; there need be no such file.' }),
  capture: z.enum(['queue', 'log']),
  closed: z.enum(['unmatched', 'listening', 'unaccepted']),
  auto: z
    .string()
    .optional()
    .meta({ description: 'When the settings say closed = "auto": which mode it took, and why.' }),
  settings: z.array(z.string()).optional().meta({
    description:
      'The files whose settings are in force, in the order in which they count. Left out by older daemons.',
  }),
  never: z.int().optional().meta({
    description:
      'How many prefixes are never locked out: those of `never`, of never_files and of `never add`. Left out by older daemons.',
  }),
  neverByHand: z.int().optional().meta({
    description: 'How many of them were put there by `never add`. Left out where there are none.',
  }),
  neverFiles: z
    .array(z.object({ file: z.string(), prefixes: z.int() }))
    .optional()
    .meta({ description: 'The files of never_files as they were read last.' }),
  neverFilesHangSince: Milliseconds.optional().meta({
    description: 'Since when the files of never_files do not answer. Left out while they do.',
  }),
  names: z
    .array(z.object({ name: z.string(), hosts: z.array(z.string()), until: Milliseconds.optional() }))
    .optional()
    .meta({
      description:
        'Who is known by each name of the settings, and until when unless that is told again. Left out by older daemons.',
    }),
  reachable: z
    .object({
      public: z.array(z.string()).meta({ description: 'Not for who was locked out by hand: tcp/443.' }),
      doors: z.array(z.string()).meta({ description: 'For everybody who has a key: udp/51820.' }),
    })
    .optional()
    .meta({
      description:
        'Ports that whoever sticks still reaches, by `public` and `doors` of the settings. Left out by older daemons.',
    }),
  outside: z.array(z.enum(TASKS)).optional().meta({
    description: 'What of the settings `flypaperd outside` is there for. Left out by older daemons.',
  }),
  remarks: z.array(z.string()).optional().meta({
    description:
      'What of this machine could not be told whole, or not be named in a rule, and what follows from that. Left out by older daemons.',
  }),
  history: z
    .object({
      hangsSince: Milliseconds.optional().meta({
        description: 'Since when its disk does not answer. Left out while it does.',
      }),
      waiting: z.int().meta({ description: 'Lockouts and releases that wait in memory for the disk.' }),
      lost: z
        .int()
        .meta({ description: 'Those that found no room there, and are missing in the history for good.' }),
    })
    .optional()
    .meta({ description: 'How it stands with the history. Left out by older daemons.' }),
  ring: z
    .object({
      on: z.boolean(),
      since: Milliseconds.optional().meta({
        description: 'How far it reaches back. Left out of an empty one.',
      }),
      bytes: z.int(),
      tooMany: z
        .int()
        .meta({ description: 'Packets and notes that were left out, since there were too many, ...' }),
      tooSlow: z.int().meta({ description: '... or the disk was too slow.' }),
    })
    .optional()
    .meta({ description: 'How it stands with the ring of packets. Left out by older daemons.' }),
  /** Whether it only says what it would do. */
  dryRun: z.boolean(),
  pausedUntil: Milliseconds.optional().meta({
    description: 'Until when nobody new is held or locked out.',
  }),
  tryUntil: Milliseconds.optional().meta({ description: 'Until when the trap is only tried.' }),
  counts: z.object({
    lockouts: z.int(),
    /** Those of them that nobody's packet brought. Left out by older daemons. */
    byHand: z.int().default(0),
    /** Offences of sources that were locked out already. */
    again: z.int(),
    /** Offenders for whom the set had no room: they were held only. */
    overflow: z.int(),
    /** Packets whose source the daemon let go, by reason. */
    spared: z.record(z.string(), z.int()),
    /** Sources that were held only, because of the promotion limit. */
    deferred: z.int(),
    /** Packets that the kernel itself found to be no offence, by reason. */
    kernel: z.record(z.string(), z.int()),
    packets: z.int(),
    overruns: z.int(),
    lost: z.int(),
    /** Lines of the log that nobody took in time; 0.1.0 does not count them. */
    logLost: z.int().default(0),
  }),
})

/** The six lines of `status`. */
export const HealthAnswer = z.object({
  lines: z.array(
    z.object({
      label: z.string(),
      ok: z.boolean(),
      reason: z.string().optional().meta({ description: 'What more there is to say.' }),
    }),
  ),
})

export type DaemonStatus = z.infer<typeof StatusAnswer>
