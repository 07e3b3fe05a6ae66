#include "api/onyx/upload.h"

#include <gtest/gtest.h>

#include "testing/memory_file_store.h"
#include "testing/virtual_clock.h"

namespace cloister::api::onyx {
namespace {

class UploadTest : public testing::Test {
 protected:
  Result<void> part(UploadSink& sink, std::string name, std::optional<std::string> filename,
                    std::string_view bytes) {
    TRY_VOID(sink.on_part_begin({std::move(name), std::move(filename), {}}));
    if (!bytes.empty()) TRY_VOID(sink.on_part_data(bytes));
    return sink.on_part_end();
  }

  fakes::VirtualClock clock_;
  fakes::MemoryFileStore files_{clock_, {.file_bytes_max = 10}};
};

TEST_F(UploadTest, StoresTheLastFilePart) {
  UploadSink sink(files_, "t");
  ASSERT_TRUE(part(sink, "file", "a", "first"));
  ASSERT_TRUE(part(sink, "other", "o", "0123456789abcdef"));
  ASSERT_TRUE(part(sink, "file", "b/\"c", "second"));
  ASSERT_TRUE(sink.has_file());
  const auto record = sink.commit();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->name, "b/\"c");
  EXPECT_EQ(record->size_bytes, 6U);
  EXPECT_EQ(files_.size(), 1U);
  EXPECT_EQ(files_.content("t", record->id), "second");
}

TEST_F(UploadTest, EmptyNameBecomesUnnamedAndEmptyFilesAreFine) {
  UploadSink sink(files_, "t");
  ASSERT_TRUE(part(sink, "file", "", ""));
  const auto record = sink.commit();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->name, "unnamed");
  EXPECT_EQ(record->size_bytes, 0U);
}

TEST_F(UploadTest, PlainFieldIsNoFile) {
  UploadSink sink(files_, "t");
  ASSERT_TRUE(part(sink, "file", "a", "x"));
  ASSERT_TRUE(part(sink, "file", std::nullopt, std::string(5000, 'y')));
  EXPECT_FALSE(sink.has_file());
  ASSERT_TRUE(sink.plain_field());
  EXPECT_EQ(*sink.plain_field(), std::string(1024, 'y'));
  EXPECT_EQ(files_.size(), 0U);
}

TEST_F(UploadTest, StopsAtTheStoresLimit) {
  UploadSink exact(files_, "t");
  EXPECT_TRUE(part(exact, "file", "a", "0123456789"));
  UploadSink above(files_, "t");
  const auto done = part(above, "file", "a", "0123456789a");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace cloister::api::onyx
