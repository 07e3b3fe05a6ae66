#include "engine/file_backed_sessions.h"

#include <gmock/gmock.h>

#include <set>
#include <thread>

#include "engine/stored_session_fixture_test.h"
#include "testing/memory_file.h"

namespace cloister::engine {
namespace {

using ::testing::ElementsAre;

class FileBackedSessionsTest : public StoredSessionFixture {
 protected:
  // A file whose bytes are stored and whose record is not.
  SessionFile prepared(const SessionUse& use, std::string path, std::string_view bytes) {
    SessionFile file;
    file.id = "id of " + path;
    file.path = std::move(path);
    auto upload = files_.create("t");
    EXPECT_TRUE((*upload)->append(bytes));
    file.file_id = (*upload)->commit(file.path, use.bytes_expire_at())->id;
    file.size_bytes = bytes.size();
    return file;
  }
};

TEST(SessionId, HasLimits) {
  EXPECT_TRUE(is_session_id("chat-42_A"));
  EXPECT_TRUE(is_session_id(std::string(128, 'x')));
  for (const std::string text : {"", "a/b", "..", "a.b", "a b", "\xC3\xA4", "a\n"})
    EXPECT_FALSE(is_session_id(text)) << text;
  EXPECT_FALSE(is_session_id(std::string(129, 'x')));
  EXPECT_FALSE(is_session_id(std::string("a\0", 2)));
}

TEST_F(FileBackedSessionsTest, SessionsAreMadeOnceAndFoundByTheirTenant) {
  const StoredSession made = sessions_->create("t").value();
  EXPECT_EQ(made.id.size(), 21U);
  EXPECT_TRUE(is_session_id(made.id));
  EXPECT_EQ(made.expires_at, clock_.wall_now() + std::chrono::minutes(60));
  EXPECT_EQ(sessions_->open("t", made.id)->created_at, made.created_at);
  EXPECT_EQ(sessions_->find("other", made.id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(sessions_->open("t", "a/b").error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(sessions_->open("t", "mine"));
  EXPECT_TRUE(sessions_->open("t", "mine"));
  EXPECT_EQ(sessions_->size(), 2U);
  EXPECT_EQ(sessions_->list("t", false)->size(), 2U);
  EXPECT_TRUE(sessions_->list("t", true)->empty());
  EXPECT_TRUE(sessions_->list("other", false)->empty());
  EXPECT_THAT(journal_.lines(), ElementsAre("created " + made.id, "created mine"));
}

TEST_F(FileBackedSessionsTest, UploadsBecomeFilesOfTheSession) {
  const SessionFile file = add_file("s", "./d//a.txt", "hello", true, true);
  EXPECT_EQ(file.path, "d/a.txt");
  EXPECT_EQ(file.id.size(), 21U);
  EXPECT_EQ(file.size_bytes, 5U);
  const SessionFile found = sessions_->find_file("t", "s", file.id).value();
  EXPECT_TRUE(found.is_current && found.is_read_only && found.is_executable);
  EXPECT_EQ(fakes::read_file(sessions_->open_file(found)->get()), "hello");
  EXPECT_EQ(sessions_->find_file("t", "", file.id)->id, file.id);
  EXPECT_EQ(sessions_->find_file("other", "", file.id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(sessions_->find_file("t", "else", file.id).error().message,
            "File '" + file.id + "' not found for session 'else'");
  EXPECT_TRUE(sessions_->files("other", "s")->empty());
  EXPECT_EQ(sessions_->upload("t", "none").error().code, ErrorCode::kNotFound);
}

TEST_F(FileBackedSessionsTest, ANewVersionSupersedesTheOldOneStaysReadable) {
  const SessionFile old = add_file("s", "a", "one");
  add_file("s", "a", "two");
  EXPECT_THAT(current("s"), ElementsAre("a=two"));
  EXPECT_EQ(sessions_->files("t", "s")->size(), 2U);
  EXPECT_EQ(content(sessions_->find_file("t", "s", old.id).value()), "one");
}

TEST_F(FileBackedSessionsTest, UploadsHaveLimits) {
  session_limits_.files_max = 2;
  session_limits_.upload_bytes_max = 4;
  restart();
  add_file("s", "a", "1234");
  auto large = sessions_->upload("t", "s");
  EXPECT_EQ((*large)->append("12345").error().code, ErrorCode::kTooLarge);
  for (const std::string path : {"/a", "../a", "", "\xff"}) {
    auto upload = sessions_->upload("t", "s");
    EXPECT_EQ((*upload)->commit(path, false, false).error().code, ErrorCode::kInvalidArgument);
  }
  add_file("s", "b", "x");
  auto third = sessions_->upload("t", "s");
  EXPECT_EQ((*third)->commit("c", false, false).error().code, ErrorCode::kConflict);
  add_file("s", "b", "y");
  EXPECT_EQ(files_.size("t"), 3U) << "what was refused left no bytes";
}

TEST_F(FileBackedSessionsTest, RemovedFilesLeaveNoBytes) {
  const SessionFile file = add_file("s", "a", "x");
  EXPECT_EQ(sessions_->remove_file("t", "else", file.id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(sessions_->remove_file("other", "s", file.id).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(sessions_->remove_file("t", "s", file.id));
  EXPECT_EQ(sessions_->remove_file("t", "s", file.id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(files_.size("t"), 0U);
}

TEST_F(FileBackedSessionsTest, ASessionEndsWithItsTimeWhateverIsDoneInIt) {
  const SessionFile file = add_file("s", "a", "x");
  clock_.advance(std::chrono::minutes(59));
  add_file("s", "b", "y");
  EXPECT_EQ(sessions_->find("t", "s")->last_used_at, clock_.wall_now());
  auto late = sessions_->upload("t", "s");
  EXPECT_EQ(sessions_->sweep().value(), 0U);
  clock_.advance(std::chrono::minutes(1));
  EXPECT_EQ(sessions_->find("t", "s").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(sessions_->find_file("t", "s", file.id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(sessions_->remove("t", "s").error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(sessions_->files("t", "s")->empty());
  EXPECT_TRUE(sessions_->list("t", false)->empty());
  EXPECT_EQ((*late)->commit("c", false, false).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(sessions_->sweep().value(), 1U);
  EXPECT_EQ(sessions_->size(), 0U);
  EXPECT_EQ(files_.size("t"), 0U);
  EXPECT_THAT(journal_.lines(),
              ElementsAre("created s", "swept 0 kept 0", "expired s", "swept 1 kept 0"));
}

TEST_F(FileBackedSessionsTest, FilesLiveAsLongAsTheirSessionNotAsTheStoreSays) {
  const SessionFile file = add_file("s", "a", "x");
  clock_.advance(std::chrono::minutes(59));
  ASSERT_EQ(files_.sweep().value(), 0U);
  EXPECT_EQ(content(file), "x");
}

TEST_F(FileBackedSessionsTest, AnExpiredSessionBeginsAnewUnderItsId) {
  add_file("s", "a", "x");
  clock_.advance(std::chrono::minutes(60));
  const StoredSession again = sessions_->open("t", "s").value();
  EXPECT_EQ(again.created_at, clock_.wall_now());
  EXPECT_TRUE(sessions_->files("t", "s")->empty());
  EXPECT_EQ(files_.size("t"), 0U);
  EXPECT_EQ(sessions_->size(), 1U);
}

TEST_F(FileBackedSessionsTest, AUseKeepsAnExpiredSession) {
  const SessionFile input = add_file("s", "a", "x");
  {
    SessionUse use = sessions_->use("t", "s").value();
    ASSERT_TRUE(use.open());
    clock_.advance(std::chrono::minutes(60));
    EXPECT_EQ(sessions_->sweep().value(), 0U);
    EXPECT_EQ(sessions_->find("t", "s").error().code, ErrorCode::kNotFound);
    EXPECT_EQ(sessions_->open("t", "s").error().code, ErrorCode::kConflict);
    EXPECT_EQ(content(input), "x");
    EXPECT_TRUE(use.apply("python", {}, {prepared(use, "b", "y")}).value().front());
  }
  EXPECT_EQ(sessions_->sweep().value(), 1U);
  EXPECT_EQ(files_.size("t"), 0U);
  EXPECT_THAT(journal_.lines(), ElementsAre("created s", "swept 0 kept 1", "run s python",
                                            "expired s", "swept 1 kept 0"));
}

TEST_F(FileBackedSessionsTest, AUseBeginsAnewWhatHasExpiredBeforeIt) {
  add_file("s", "a", "x");
  clock_.advance(std::chrono::minutes(60));
  SessionUse use = sessions_->use("t", "s").value();
  EXPECT_EQ(use.open()->created_at, clock_.wall_now());
  EXPECT_TRUE(use.current_files()->empty());
  EXPECT_EQ(sessions_->use("t", "../s").error().code, ErrorCode::kInvalidArgument);
}

TEST_F(FileBackedSessionsTest, AUseChangesFilesAllAtOnce) {
  const SessionFile gone = add_file("s", "gone", "x");
  add_file("s", "kept", "old");
  SessionUse use = sessions_->use("t", "s").value();
  ASSERT_TRUE(use.open());
  EXPECT_EQ(use.current_files()->size(), 2U);
  clock_.advance(std::chrono::minutes(1));
  ASSERT_TRUE(use.apply("cpp", {gone.id}, {prepared(use, "kept", "new"), prepared(use, "b", "y")}));
  EXPECT_THAT(current("s"), ElementsAre("kept=new", "b=y"));
  const std::vector<StoredSession> listed = sessions_->list("t", true).value();
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].language, "cpp");
  EXPECT_EQ(listed[0].runs, 1U);
  EXPECT_EQ(listed[0].last_used_at, clock_.wall_now());
}

TEST_F(FileBackedSessionsTest, RemovalEndsARunAndLeavesItNothingToChange) {
  add_file("s", "a", "x");
  SessionUse use = sessions_->use("t", "s").value();
  ASSERT_TRUE(use.open());
  int interrupts = 0;
  use.set_interrupt([&] { ++interrupts; });
  ASSERT_TRUE(sessions_->remove("t", "s"));
  EXPECT_EQ(interrupts, 1);
  EXPECT_TRUE(use.is_removed());
  EXPECT_EQ(files_.size("t"), 0U);
  EXPECT_EQ(sessions_->size(), 0U);
  EXPECT_EQ(sessions_->remove("t", "s").error().message,
            "Session 's' not found or already deleted");
  // Somebody takes the name again, later.
  clock_.advance(Microseconds(1));
  add_file("s", "mine", "y");
  EXPECT_EQ(use.apply("python", {}, {prepared(use, "b", "z")}).error().code, ErrorCode::kNotFound);
  EXPECT_THAT(current("s"), ElementsAre("mine=y"));
  EXPECT_THAT(journal_.lines(), ElementsAre("created s", "deleted s", "created s"));
}

TEST_F(FileBackedSessionsTest, RecoversWhatWasAndDropsWhatHasNoBytes) {
  const SessionFile whole = add_file("s", "whole", "x");
  const SessionFile lost = add_file("s", "lost", "y");
  ASSERT_TRUE(files_.remove("t", lost.file_id));
  restart();
  EXPECT_EQ(recovered_, 1U);
  EXPECT_EQ(sessions_->size(), 1U);
  EXPECT_THAT(current("s"), ElementsAre("whole=x"));
  clock_.advance(std::chrono::minutes(60));
  restart();
  EXPECT_EQ(sessions_->sweep().value(), 1U);
  EXPECT_EQ(sessions_->size(), 0U);
}

TEST_F(FileBackedSessionsTest, ServesManyThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 10; ++round) {
        ASSERT_TRUE(sessions_->open("t", "shared"));
        SessionUse use = sessions_->use("t", "shared").value();
        ASSERT_TRUE(use.open());
        const std::string path = std::to_string(i);
        SessionFile file = prepared(use, path, std::to_string(round));
        file.id = path + "-" + std::to_string(round);
        ASSERT_TRUE(use.apply("python", {}, {file}));
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(sessions_->size(), 1U);
  EXPECT_EQ(sessions_->find("t", "shared")->runs, 40U);
  EXPECT_EQ(current("shared").size(), 4U);
}

}  // namespace
}  // namespace cloister::engine
