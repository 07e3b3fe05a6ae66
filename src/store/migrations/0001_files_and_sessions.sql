-- Times are microseconds since the Unix epoch, UTC.

CREATE TABLE files (
  id TEXT NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL,
  name TEXT NOT NULL,
  size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX files_by_tenant ON files (tenant, created_at, id);
CREATE INDEX files_by_expiry ON files (expires_at);

CREATE TABLE sessions (
  id TEXT NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  ended_at INTEGER,
  end_reason TEXT,
  CHECK ((ended_at IS NULL) = (end_reason IS NULL))
) STRICT;

CREATE INDEX sessions_by_end ON sessions (ended_at);
