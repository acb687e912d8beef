import { COLUMNS } from './row.ts'

/**
 * The history database: its schema and every question that is asked of it.
 *
 * `latest` is 1 in the newest row of a source, and only there. So one small unique index answers which time it
 * is and who is a fly, however often a source came before, and a second lockout of a fly cannot stand beside
 * the first. A row ends by its `until` alone: nothing needs to be written when time passes. What nobody tried
 * (a lockout by hand) has no `tried`. `detail` is the TCP flags or the ICMP code. `packet_source` is empty where the
 * packet was sent by the source itself, as in IPv4 it always is. `stands` is 1 in the row that stands for its source among the
 * attackers of its day: the newest of that day.
 *
 * A migration that was released is never edited: what changes comes as a further one. Those after the first NEEDED only add what an older
 * version may leave alone, so that somebody can go back to it (docs/decisions/0047-going-back.md).
 */
export const MIGRATIONS = [
  `CREATE TABLE lockout (
     id               INTEGER PRIMARY KEY,
     source           TEXT    NOT NULL,
     packet_source    TEXT,
     tried            TEXT,
     number           INTEGER,
     from_port        INTEGER,
     detail           INTEGER,
     hook             TEXT,
     forwarded_to     TEXT,
     because          TEXT    NOT NULL,
     since            INTEGER NOT NULL,
     until            INTEGER,
     times            INTEGER NOT NULL,
     latest           INTEGER NOT NULL DEFAULT 1,
     counts           INTEGER NOT NULL DEFAULT 1,
     released_at      INTEGER,
     released_by      TEXT,
     released_because TEXT
   ) STRICT;
   CREATE UNIQUE INDEX lockout_latest ON lockout (source) WHERE latest = 1;
   CREATE INDEX lockout_until ON lockout (until) WHERE latest = 1 AND released_at IS NULL;
   CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;`,
  // Who locked out by hand, and why; and the sightings: who was let go, and why (sightings.ts).
  `ALTER TABLE lockout ADD COLUMN locked_by TEXT;
   ALTER TABLE lockout ADD COLUMN note TEXT;
   CREATE TABLE sighting (
     source    TEXT    NOT NULL,
     because   TEXT    NOT NULL,
     count     INTEGER NOT NULL,
     first     INTEGER NOT NULL,
     last      INTEGER NOT NULL,
     tried     TEXT,
     number    INTEGER,
     from_port INTEGER,
     detail    INTEGER,
     PRIMARY KEY (source, because)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX sighting_last ON sighting (last);`,
  // What stays for ever of lockouts that were pruned (pruning.ts).
  `CREATE TABLE day (
     day        TEXT    PRIMARY KEY,
     lockouts   INTEGER NOT NULL,
     attackers  INTEGER NOT NULL,
     attackers6 INTEGER NOT NULL,
     repeaters  INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;`,
  // What makes room last (rank.ts), and who was an attacker on which day: `day` holds no more what else the rows tell.
  `ALTER TABLE lockout ADD COLUMN rank INTEGER GENERATED ALWAYS AS (CASE
     WHEN locked_by <> 'hand' THEN 3
     WHEN released_because = 'freed' AND released_by NOT IN ('flypaperd', 'the never-list', 'hand') THEN 3
     WHEN because = 'distinct-ports' THEN 2
     WHEN because = 'by-hand' OR times > 1 OR latest = 0 THEN 1
   END) VIRTUAL;
   CREATE INDEX lockout_rank ON lockout (rank) WHERE rank IS NOT NULL;
   ALTER TABLE lockout ADD COLUMN stands INTEGER NOT NULL DEFAULT 1;
   UPDATE lockout SET stands = 0 WHERE because = 'by-hand' OR id IN (
     SELECT id FROM (
       SELECT id, day, lead(day) OVER (PARTITION BY source ORDER BY id) AS next FROM (
         SELECT id, source, date(since / 1000, 'unixepoch', 'localtime') AS day FROM lockout
         WHERE because <> 'by-hand' AND source IN (SELECT source FROM lockout WHERE latest = 0)))
     WHERE day = next);
   UPDATE day SET
     lockouts = max(0, day.lockouts - rest.lockouts), attackers = max(0, day.attackers - rest.attackers),
     attackers6 = max(0, day.attackers6 - rest.attackers6), repeaters = max(0, day.repeaters - rest.repeaters)
   FROM (
     SELECT date(since / 1000, 'unixepoch', 'localtime') AS day, count(*) AS lockouts, sum(stands) AS attackers,
       sum(stands AND instr(source, ':')) AS attackers6, sum(times > 1) AS repeaters
     FROM lockout
     WHERE because <> 'by-hand' AND since < (SELECT unixepoch(max(day), '+2 days') * 1000 FROM day) GROUP BY 1) AS rest
   WHERE rest.day = day.day;`,
  // The table day as this version has left it: where it differs, an older one has written there since (older-version.ts).
  `CREATE TABLE day_seen (
     day        TEXT    PRIMARY KEY,
     lockouts   INTEGER NOT NULL,
     attackers  INTEGER NOT NULL,
     attackers6 INTEGER NOT NULL,
     repeaters  INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   INSERT INTO day_seen SELECT * FROM day;
   UPDATE meta SET value = json_set(value, '$.schema', 5) WHERE key = 'time' AND json_valid(value);`,
  // How good the evidence is, where it is not what nearly all is (row.ts), what it was, and the ports of all visits that count. That of
  // sightings has a table of its own: an older version writes rows of `sighting` without naming their columns. And what rank 2 costs: ports of
  // a stranger are forged as easily as one.
  `ALTER TABLE lockout ADD COLUMN grade TEXT;
   ALTER TABLE lockout ADD COLUMN evidence TEXT;
   ALTER TABLE lockout ADD COLUMN ports TEXT;
   DROP INDEX lockout_rank;
   ALTER TABLE lockout DROP COLUMN rank;
   ALTER TABLE lockout ADD COLUMN rank INTEGER GENERATED ALWAYS AS (CASE
     WHEN locked_by <> 'hand' THEN 3
     WHEN released_because = 'freed' AND released_by NOT IN ('flypaperd', 'the never-list', 'hand') THEN 3
     WHEN because = 'distinct-ports' AND grade = 'forgeable-known' THEN 2
     WHEN because IN ('by-hand', 'distinct-ports') OR times > 1 OR latest = 0 THEN 1
   END) VIRTUAL;
   CREATE INDEX lockout_rank ON lockout (rank) WHERE rank IS NOT NULL;
   CREATE TABLE sighting_evidence (
     source   TEXT NOT NULL,
     because  TEXT NOT NULL,
     evidence TEXT NOT NULL,
     PRIMARY KEY (source, because)
   ) STRICT, WITHOUT ROWID;`,
  // How often a lockout was prolonged because its source went on trying, each time by what it was long at first.
  `ALTER TABLE lockout ADD COLUMN prolonged INTEGER NOT NULL DEFAULT 0;`,
  // Which ports flies went on to try (samples.ts).
  `CREATE TABLE sampled (
     source TEXT    PRIMARY KEY,
     last   INTEGER NOT NULL,
     ports  TEXT    NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX sampled_last ON sampled (last);`,
  // Whose testimony a lockout is, the way it came, and when the last lockout of the source's own ended: the past is told as if there were none.
  `ALTER TABLE lockout ADD COLUMN testified_by TEXT;
   ALTER TABLE lockout ADD COLUMN testified_via TEXT;
   ALTER TABLE lockout ADD COLUMN own_ended INTEGER;`,
  // What happens beside lockouts, for the feed (event-rows.ts, feed.ts): behind which lockout it stands, and the lockout that ended then, or facts
  // as JSON, or both. And which history this is, and since when it tells of all that.
  `CREATE TABLE event (
     id      INTEGER PRIMARY KEY AUTOINCREMENT,
     after   INTEGER NOT NULL,
     at      INTEGER NOT NULL,
     lockout INTEGER,
     facts   TEXT
   ) STRICT;
   CREATE INDEX event_lockout ON event (lockout) WHERE lockout IS NOT NULL;
   CREATE INDEX event_facts ON event (id) WHERE facts IS NOT NULL;
   INSERT OR REPLACE INTO meta VALUES ('feed',
     json_object('epoch', lower(hex(randomblob(8))), 'since', CAST(unixepoch('subsec') * 1000 AS INTEGER)));`,
]
/** A version that knows so many migrations, which 0.1.0 does, reads and writes the file, though more were run. */
export const NEEDED = 3

/** By how much a lockout is prolonged while its source tries; nothing where a person has said when it ends. */
const STRETCH = `CASE WHEN because <> 'by-hand' AND ports IS NOT NULL AND grade IS NULL AND locked_by IS NULL THEN (until - since) / (prolonged + 1) END`
/** Whether a person wanted it, from the first or later on. */
const BY_HAND = "because = 'by-hand' OR locked_by IS NOT NULL"
const TERM = `id, source, since, until, ${STRETCH}, ${BY_HAND}, testified_by, testified_via`
const UNRELEASED = 'latest = 1 AND released_at IS NULL'
/** The condition of being a fly at `:now`. */
export const FLY = `${UNRELEASED} AND (until IS NULL OR until > :now)`
const RELEASE = `UPDATE lockout
  SET released_at = :now, released_by = :by, released_because = :because, counts = min(counts, :counts) WHERE ${FLY}`

/** The source and its sender in a key of that JSON: the source alone where it is the sender, or both with a space between them. */
const ITSELF = { source: 'key', sender: 'NULL' }
const SENT = { source: "substr(key, 1, instr(key, ' ') - 1)", sender: "substr(key, instr(key, ' ') + 1)" }

/**
 * Lockouts that are alike (alike.ts), as a JSON object from each source to its two ports in one number. It fails with its whole
 * transaction: to be able to fail alone it would copy each page that it changes.
 */
function addAlike({ source, sender }: typeof ITSELF): string {
  return `INSERT OR ROLLBACK INTO lockout
            (source, packet_source, tried, number, from_port, detail, hook, because, since, until, times)
          SELECT ${source}, ${sender}, :tried, value & 65535, value >> 16 & 65535, :detail, :hook, :because, :since, :until, :times
          FROM json_each(:lockouts) WHERE true ON CONFLICT (source) WHERE latest = 1 DO NOTHING`
}

const GOES_ON = 'released_at IS NULL AND (until IS NULL OR until > :since)'
/**
 * Whoever comes again on the same day, from `:begins` to `:ends`, is one attacker of it: the new row stands for him. A lockout that still
 * goes on at `:since`, when the new one begins, ends then: no two of a source are in force.
 */
const SUPERSEDE = `UPDATE lockout SET latest = 0, stands = iif(since BETWEEN :begins AND :ends, 0, stands),
  released_at = iif(${GOES_ON}, :since, released_at), released_by = iif(${GOES_ON}, 'flypaperd', released_by),
  released_because = iif(${GOES_ON}, 'replaced', released_because)`

function supersedeAlike({ source }: typeof ITSELF): string {
  return `${SUPERSEDE}
          WHERE latest = 1 AND id <= :last AND source IN (SELECT ${source} FROM json_each(:lockouts))`
}

export const SQL = {
  supersede: `${SUPERSEDE} WHERE source = :source AND latest = 1`,
  standsToday: `SELECT 1 FROM lockout
                WHERE source = :source AND latest = 1 AND stands = 1 AND since BETWEEN :begins AND :ends`,
  // Nothing when the source has a latest row already, which is to be superseded then: most sources have none.
  add: `INSERT INTO lockout (${COLUMNS}) VALUES (${COLUMNS.map(() => '?')})
        ON CONFLICT (source) WHERE latest = 1 DO NOTHING`,
  addAlike: addAlike(ITSELF),
  supersedeAlike: supersedeAlike(ITSELF),
  addAlikeSent: addAlike(SENT),
  supersedeAlikeSent: supersedeAlike(SENT),
  last: 'SELECT max(id) AS last FROM lockout',
  // All sources of a batch in one question: a JSON array of them.
  pastOf: `SELECT source, times - (counts = 0) AS times, tried, number, ports,
             iif(counts = 1 OR (because = 'testimony' AND released_because IS NOT 'freed'), 1, 0) AS counts,
             iif(because = 'testimony', coalesce(own_ended, 0), coalesce(released_at, until)) AS ended
           FROM json_each(:sources) CROSS JOIN lockout ON source = value WHERE latest = 1`,
  knows: 'SELECT 1 FROM lockout WHERE source = :source AND latest = 1',
  shift: `UPDATE lockout SET since = since + :ms, until = until + :ms WHERE ${UNRELEASED}`,
  flies: `SELECT * FROM lockout WHERE ${UNRELEASED} AND until IS NULL
          UNION ALL SELECT * FROM lockout WHERE ${UNRELEASED} AND until > :now`,
  termsOfFew: `SELECT ${TERM} FROM lockout WHERE ${UNRELEASED} AND until IS NULL
          UNION ALL SELECT ${TERM} FROM lockout WHERE ${UNRELEASED} AND until > :now`,
  // The signs keep SQLite from using an index.
  termsOfMany: `SELECT ${TERM} FROM lockout
          WHERE id > :after AND +latest = 1 AND released_at IS NULL AND (+until IS NULL OR +until > :now) ORDER BY id LIMIT :limit`,
  // The reason stays what it was; a note of before stays where there is no new one.
  prolong: `UPDATE lockout SET until = :until, locked_by = :by, note = coalesce(:note, note)
            WHERE source = :source AND ${FLY}`,
  // The same lockout, which a person has nothing to do with.
  goesOn: `UPDATE lockout SET until = :until, prolonged = prolonged + 1 WHERE source = :source AND ${FLY}`,
  before: 'SELECT * FROM lockout WHERE since < :at ORDER BY id',
  find: `SELECT * FROM lockout WHERE source = :source AND ${FLY}`,
  count: `SELECT (SELECT count(*) FROM lockout WHERE ${UNRELEASED} AND until IS NULL)
               + (SELECT count(*) FROM lockout WHERE ${UNRELEASED} AND until > :now) AS flies`,
  // All sources in one statement: a JSON array of them.
  release: `${RELEASE} AND source IN (SELECT value FROM json_each(:sources))`,
  releaseAll: RELEASE,
  newest: 'SELECT * FROM lockout WHERE id < :before ORDER BY id DESC LIMIT :limit',
  newestFlies: `SELECT * FROM lockout WHERE id < :before AND ${FLY} ORDER BY id DESC LIMIT :limit`,
  getMeta: 'SELECT value FROM meta WHERE key = :key',
  setMeta: 'INSERT INTO meta VALUES (:key, :value) ON CONFLICT DO UPDATE SET value = excluded.value',
} as const
