// The records of sessions that live in the file store, and of their files. Thread safe.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"

namespace cloister::store {

struct StoredSessionRow {
  std::string id;  // Unique within its tenant only: callers may choose it.
  std::string tenant;
  std::string language;  // Of the last run; empty before the first.
  std::uint64_t runs = 0;
  WallTime created_at{};
  WallTime last_used_at{};
  WallTime expires_at{};
};

struct SessionFileRow {
  std::string id;  // 21 characters, unguessable, unique everywhere.
  std::string tenant;
  std::string session_id;
  std::string path;     // Relative to the workspace; valid UTF-8.
  std::string file_id;  // Of the bytes, in the file store.
  std::uint64_t size_bytes = 0;
  bool is_current = true;  // False once a newer version exists or a program has removed it.
  bool is_read_only = false;
  bool is_executable = false;
  WallTime created_at{};
};

}  // namespace cloister::store
