// Brings a database to the schema that this program expects.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "store/database.h"

namespace cloister::store {

// One file NNNN_name.sql.
struct Migration {
  std::string_view name;  // "0001_files_and_sessions"; sorted by it.
  std::string_view script;
};

// Those that are built into the program, in order.
std::span<const Migration> built_in_migrations();

// Applies what is missing, in order, each in one transaction together with its entry in the table
// schema_migrations. Forward only. kConflict, with nothing applied, when an applied migration has
// another checksum now, is unknown (the database is of a newer program), or lies after a missing
// one.
Result<void> migrate(Database& database, std::span<const Migration> migrations, const Clock& clock);

// FNV-1a, 64 bits, as hexadecimal digits: detects a changed file, not an attacker.
std::string checksum_of(std::string_view script);

}  // namespace cloister::store
