#include "testing/memory_file_store.h"

#include <gtest/gtest.h>

#include "testing/memory_file.h"
#include "testing/virtual_clock.h"

namespace cloister::fakes {
namespace {

TEST(MemoryFileStore, KeepsFilesByTenantUntilTheyExpire) {
  VirtualClock clock;
  MemoryFileStore store(clock, {10, std::chrono::seconds(5)});
  const std::string id = store.add("t", "n\xff", "abc");
  EXPECT_EQ(store.content("t", id), "abc");
  EXPECT_EQ(store.open("t", id)->record.name, "n\xEF\xBF\xBD");
  EXPECT_EQ(store.open("other", id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store.list("t")->size(), 1U);
  clock.advance(std::chrono::seconds(5));
  EXPECT_EQ(store.open("t", id).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(store.list("t")->empty());
  EXPECT_EQ(store.sweep().value(), 1U);
  EXPECT_EQ(store.size(), 0U);
}

TEST(MemoryFileStore, UploadsFromMemoryAndFromFiles) {
  VirtualClock clock;
  MemoryFileStore store(clock, {10, std::chrono::seconds(5)});
  auto upload = store.create("t");
  ASSERT_TRUE((*upload)->append("12345"));
  ASSERT_TRUE((*upload)->append_from(memory_file("67890").get()));
  EXPECT_EQ((*upload)->append("x").error().code, ErrorCode::kTooLarge);
  const auto record = (*upload)->commit("name");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->size_bytes, 10U);
  EXPECT_EQ(store.content("t", record->id), "1234567890");
  ASSERT_TRUE(store.remove("t", record->id));
  EXPECT_EQ(store.remove("t", record->id).error().code, ErrorCode::kNotFound);
}

TEST(MemoryFileStore, AFileMayHaveALimitAndAnExpiryOfItsOwn) {
  VirtualClock clock;
  MemoryFileStore store(clock, {10, std::chrono::seconds(5)});
  auto upload = store.create("t", 20);
  ASSERT_TRUE((*upload)->append(std::string(20, 'x')));
  EXPECT_EQ((*upload)->append("x").error().code, ErrorCode::kTooLarge);
  ASSERT_TRUE((*upload)->commit("a", clock.wall_now() + std::chrono::seconds(7)));
  clock.advance(std::chrono::seconds(6));
  EXPECT_EQ(store.size("t"), 1U);
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(store.size("t"), 0U);
}

TEST(MemoryFileStore, FailsCommitsOnCommand) {
  VirtualClock clock;
  MemoryFileStore store(clock);
  store.fail_commits_after(1, Error{ErrorCode::kUnavailable, "full", 0, {}});
  EXPECT_TRUE((*store.create("t"))->commit("a"));
  EXPECT_EQ((*store.create("t"))->commit("b").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(store.size(), 1U);
}

}  // namespace
}  // namespace cloister::fakes
