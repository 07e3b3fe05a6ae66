-- Sessions that live in the file store, and their files. Times are microseconds since the Unix
-- epoch, UTC. A session's files go before it does.

CREATE TABLE stored_sessions (
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  language TEXT NOT NULL,
  runs INTEGER NOT NULL CHECK (runs >= 0),
  created_at INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (tenant, id)
) STRICT;

CREATE INDEX stored_sessions_by_expiry ON stored_sessions (expires_at);

-- ordinal: the order in which the files of a session came.
CREATE TABLE session_files (
  id TEXT NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL,
  session_id TEXT NOT NULL,
  ordinal INTEGER NOT NULL,
  path TEXT NOT NULL,
  file_id TEXT NOT NULL,
  size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
  is_current INTEGER NOT NULL CHECK (is_current IN (0, 1)),
  is_read_only INTEGER NOT NULL CHECK (is_read_only IN (0, 1)),
  is_executable INTEGER NOT NULL CHECK (is_executable IN (0, 1)),
  created_at INTEGER NOT NULL,
  UNIQUE (tenant, session_id, ordinal),
  FOREIGN KEY (tenant, session_id) REFERENCES stored_sessions (tenant, id)
) STRICT;

CREATE UNIQUE INDEX session_files_current ON session_files (tenant, session_id, path)
  WHERE is_current = 1;
