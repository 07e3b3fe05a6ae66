// What the tests of stored sessions have in common: sessions over a database in a directory of
// their own, and files and time from testing/.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/file_backed_sessions.h"
#include "store/migrations.h"
#include "store/sqlite_database.h"
#include "testing/memory_file_store.h"
#include "testing/virtual_clock.h"

namespace cloister::engine {

// Notes every event as a line. Thread safe.
class SessionJournal final : public StoredSessionObserver {
 public:
  void on_created(const StoredSession& session) override { add("created " + session.id); }
  void on_run(const StoredSession& session, std::string_view language) override {
    add("run " + session.id + " " + std::string(language));
  }
  void on_expired(const StoredSession& session) override { add("expired " + session.id); }
  void on_deleted(const StoredSession& session) override { add("deleted " + session.id); }
  void on_swept(std::size_t ended, std::size_t kept_in_use) override {
    add("swept " + std::to_string(ended) + " kept " + std::to_string(kept_in_use));
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  void add(std::string line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
  }
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

class StoredSessionFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = ::testing::TempDir() + "/cloister-stored-XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    directory_ = path;
    auto database =
        store::SqliteDatabase::open({directory_ + "/metadata.db", 2, Milliseconds(1000)});
    ASSERT_TRUE(database) << database.error().describe();
    database_ = std::move(*database);
    ASSERT_TRUE(store::migrate(*database_, store::built_in_migrations(), clock_));
    table_ = std::make_unique<store::StoredSessionTable>(*database_);
    restart();
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  // The sessions of a new process.
  void restart() {
    sessions_.reset();
    sessions_ =
        std::make_unique<FileBackedSessions>(files_, *table_, journal_, clock_, session_limits_);
    const auto recovered = sessions_->recover();
    ASSERT_TRUE(recovered) << recovered.error().describe();
    recovered_ = *recovered;
  }

  SessionFile add_file(std::string_view session, std::string_view path, std::string_view bytes,
                       bool is_read_only = false, bool is_executable = false) {
    EXPECT_TRUE(sessions_->open("t", session));
    auto upload = sessions_->upload("t", session);
    EXPECT_TRUE(upload) << upload.error().describe();
    EXPECT_TRUE((*upload)->append(bytes));
    auto file = (*upload)->commit(path, is_read_only, is_executable);
    EXPECT_TRUE(file) << file.error().describe();
    return *file;
  }

  std::string content(const SessionFile& file) { return files_.content(file.tenant, file.file_id); }

  // "path=content" of the current files, in the order they came.
  std::vector<std::string> current(std::string_view session) {
    std::vector<std::string> found;
    const std::vector<SessionFile> rows = sessions_->files("t", session).value();
    for (const SessionFile& file : rows) {
      if (file.is_current) found.push_back(file.path + "=" + content(file));
    }
    return found;
  }

  fakes::VirtualClock clock_;
  fakes::MemoryFileStore files_{clock_, {std::uint64_t{100} << 20, std::chrono::minutes(5)}};
  StoredSessionLimits session_limits_;
  SessionJournal journal_;
  std::string directory_;
  std::unique_ptr<store::SqliteDatabase> database_;
  std::unique_ptr<store::StoredSessionTable> table_;
  std::unique_ptr<FileBackedSessions> sessions_;
  std::size_t recovered_ = 0;
};

}  // namespace cloister::engine
