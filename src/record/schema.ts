import { COLUMNS } from './row.ts'

/**
 * The history database: its schema and every question that is asked of it.
 *
 * `latest` is 1 in the newest row of a source, and only there. So one small unique index answers which time it
 * is and who is a fly, however often a source came before, and a second lockout of a fly cannot stand beside
 * the first. A row ends by its `until` alone: nothing needs to be written when time passes. What nobody tried
 * (a lockout by hand) has no `tried`. `detail` is the TCP flags or the ICMP code. `packet_source` is empty where the
 * packet was sent by the source itself, as in IPv4 it always is.
 *
 * A migration that was released is never edited: what changes comes as a further one.
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
]

const UNRELEASED = 'latest = 1 AND released_at IS NULL'
/** The condition of being a fly at `:now`. */
export const FLY = `${UNRELEASED} AND (until IS NULL OR until > :now)`
const RELEASE = `UPDATE lockout
  SET released_at = :now, released_by = :by, released_because = :because, counts = :counts WHERE ${FLY}`

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

function supersedeAlike({ source }: typeof ITSELF): string {
  return `UPDATE lockout SET latest = 0
          WHERE latest = 1 AND id <= :last AND source IN (SELECT ${source} FROM json_each(:lockouts))`
}

export const SQL = {
  supersede: 'UPDATE lockout SET latest = 0 WHERE source = :source AND latest = 1',
  // Nothing when the source has a latest row already, which is to be superseded then: most sources have none.
  add: `INSERT INTO lockout (${COLUMNS}) VALUES (${COLUMNS.map(() => '?')})
        ON CONFLICT (source) WHERE latest = 1 DO NOTHING`,
  addAlike: addAlike(ITSELF),
  supersedeAlike: supersedeAlike(ITSELF),
  addAlikeSent: addAlike(SENT),
  supersedeAlikeSent: supersedeAlike(SENT),
  last: 'SELECT max(id) AS last FROM lockout',
  // All sources of a batch in one question: a JSON array of them.
  timesBefore: `SELECT source, times - (counts = 0) AS times
                FROM json_each(:sources) CROSS JOIN lockout ON source = value WHERE latest = 1`,
  knows: 'SELECT 1 FROM lockout WHERE source = :source AND latest = 1',
  shift: `UPDATE lockout SET since = since + :ms, until = until + :ms WHERE ${UNRELEASED}`,
  flies: `SELECT * FROM lockout WHERE ${UNRELEASED} AND until IS NULL
          UNION ALL SELECT * FROM lockout WHERE ${UNRELEASED} AND until > :now`,
  termsOfFew: `SELECT id, source, since, until FROM lockout WHERE ${UNRELEASED} AND until IS NULL
          UNION ALL SELECT id, source, since, until FROM lockout WHERE ${UNRELEASED} AND until > :now`,
  // The signs keep SQLite from using an index.
  termsOfMany: `SELECT id, source, since, until FROM lockout
          WHERE id > :after AND +latest = 1 AND released_at IS NULL AND (+until IS NULL OR +until > :now) ORDER BY id LIMIT :limit`,
  // The reason stays what it was; a note of before stays where there is no new one.
  prolong: `UPDATE lockout SET until = :until, locked_by = :by, note = coalesce(:note, note)
            WHERE source = :source AND ${FLY}`,
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
