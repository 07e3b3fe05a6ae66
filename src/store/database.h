// The port to a relational database: what the tables need and a driver must offer.
//
// Statements are text with the placeholders $1, $2, ... and mean the same to every driver. Integers
// are 64 bits signed. Times are integer microseconds since the Unix epoch, UTC.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/error.h"

namespace cloister::store {

// A parameter of a statement. Text is referred to, not copied: it must live until the call returns.
class Value {
 public:
  Value(std::nullopt_t) {}                                              // NOLINT: implicit
  Value(std::int64_t number) : content_(number) {}                      // NOLINT: implicit
  Value(std::string_view text) : content_(text) {}                      // NOLINT: implicit
  Value(const std::string& text) : content_(std::string_view(text)) {}  // NOLINT: implicit
  Value(const char* text) : content_(std::string_view(text)) {}         // NOLINT: implicit
  Value(WallTime time)
      : content_(std::int64_t{time.time_since_epoch().count()}) {}  // NOLINT: implicit

  bool is_null() const { return std::holds_alternative<std::monostate>(content_); }
  const std::int64_t* number() const { return std::get_if<std::int64_t>(&content_); }
  const std::string_view* text() const { return std::get_if<std::string_view>(&content_); }

 private:
  std::variant<std::monostate, std::int64_t, std::string_view> content_;
};

// One row of an answer; valid inside the visitor only. Columns count from 0.
class Row {
 public:
  virtual ~Row() = default;
  virtual bool is_null(int column) const = 0;
  virtual std::int64_t number(int column) const = 0;
  virtual std::string text(int column) const = 0;

  WallTime time(int column) const;
  std::optional<WallTime> optional_time(int column) const;
};

using RowVisitor = std::function<Result<void>(const Row&)>;

// Used by one thread at a time. Errors: kConflict for a key that is taken, kUnavailable for a
// database that is full or locked by others, kInternal else. No error carries parameter values.
class Connection {
 public:
  virtual ~Connection() = default;
  // Runs one statement; returns how many rows it changed.
  virtual Result<std::size_t> execute(std::string_view statement,
                                      std::span<const Value> parameters) = 0;
  // Runs one statement and visits its rows; stops at the visitor's first error and returns it. The
  // visitor must not use the connection.
  virtual Result<void> query(std::string_view statement, std::span<const Value> parameters,
                             const RowVisitor& visitor) = 0;
  // Runs any number of statements without parameters.
  virtual Result<void> run_script(std::string_view statements) = 0;
};

// Thread safe.
class Database {
 public:
  virtual ~Database() = default;
  // One transaction: committed when `work` succeeds, rolled back when it fails. Must not be nested.
  virtual Result<void> write(const std::function<Result<void>(Connection&)>& work) = 0;
  // One statement as its own transaction; returns how many rows it changed.
  virtual Result<std::size_t> execute(std::string_view statement,
                                      std::span<const Value> parameters) = 0;
  // Reads only. Sees every transaction that was committed before the call.
  virtual Result<void> query(std::string_view statement, std::span<const Value> parameters,
                             const RowVisitor& visitor) = 0;
  // Upkeep that may wait for the disk. To be called every minute or so, off any request's path.
  virtual Result<void> maintain() = 0;
};

}  // namespace cloister::store
