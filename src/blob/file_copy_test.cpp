#include "blob/file_copy.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/unique_fd.h"

namespace cloister::blob {
namespace {

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<char>((i * 7 + i / 251) & 0xff);
  return bytes;
}

UniqueFd memory_file(const std::string& bytes) {
  UniqueFd file(::memfd_create("source", MFD_CLOEXEC));
  EXPECT_TRUE(write_all(file.get(), bytes.data(), bytes.size()));
  EXPECT_EQ(::lseek(file.get(), 0, SEEK_SET), 0);
  return file;
}

UniqueFd disk_file() {
  std::string path = ::testing::TempDir() + "/cloister-copy-XXXXXX";
  UniqueFd file(::mkostemp(path.data(), O_CLOEXEC));
  EXPECT_TRUE(file.is_open());
  ::unlink(path.c_str());
  return file;
}

std::string content(int fd) {
  std::string bytes(static_cast<std::size_t>(::lseek(fd, 0, SEEK_END)), '\0');
  EXPECT_EQ(::pread(fd, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  return bytes;
}

TEST(CopyBytes, CopiesAcrossFileSystems) {
  const std::string bytes = pattern(20'000'003);
  const UniqueFd from = memory_file(bytes);
  const UniqueFd to = disk_file();
  ASSERT_EQ(copy_bytes(from.get(), to.get(), UINT64_MAX).value(), bytes.size());
  EXPECT_EQ(content(to.get()), bytes);
}

TEST(CopyBytes, CopiesWithinAFileSystem) {
  const std::string bytes = pattern(300'000);
  const UniqueFd from = disk_file();
  ASSERT_TRUE(write_all(from.get(), bytes.data(), bytes.size()));
  ::lseek(from.get(), 0, SEEK_SET);
  const UniqueFd to = disk_file();
  ASSERT_EQ(copy_bytes(from.get(), to.get(), UINT64_MAX).value(), bytes.size());
  EXPECT_EQ(content(to.get()), bytes);
}

TEST(CopyBytes, StartsAtTheOffsetAndStopsAtTheLimit) {
  const UniqueFd from = memory_file("0123456789");
  ::lseek(from.get(), 3, SEEK_SET);
  const UniqueFd to = disk_file();
  ASSERT_EQ(copy_bytes(from.get(), to.get(), 4).value(), 4U);
  EXPECT_EQ(content(to.get()), "3456");
}

TEST(CopyBytes, FallsBackToReadAndWriteForAppendedFilesAndPipes) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd out(ends[0]);
  UniqueFd in(ends[1]);
  ASSERT_TRUE(write_all(in.get(), "piped", 5));
  in.reset();
  const UniqueFd to = disk_file();
  ::fcntl(to.get(), F_SETFL, O_APPEND);  // copy_file_range and sendfile refuse such a file.
  ASSERT_EQ(copy_bytes(out.get(), to.get(), UINT64_MAX).value(), 5U);
  EXPECT_EQ(content(to.get()), "piped");
}

TEST(CopyBytes, ReportsAFailedWrite) {
  const UniqueFd from = memory_file("abc");
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  const auto copied = copy_bytes(from.get(), full.get(), UINT64_MAX);
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().system_errno, ENOSPC);
}

}  // namespace
}  // namespace cloister::blob
