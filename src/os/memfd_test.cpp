#include "os/memfd.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

namespace cloister::os {
namespace {

TEST(SealedMemfd, HoldsTheBytesAndRefusesChanges) {
  const std::string bytes = std::string("a\0b", 3) + std::string(100000, 'x');
  auto fd = make_sealed_memfd("test", bytes);
  ASSERT_TRUE(fd.has_value());
  std::string copy(bytes.size() + 1, '\0');
  EXPECT_EQ(::pread(fd->get(), copy.data(), copy.size(), 0), static_cast<ssize_t>(bytes.size()));
  copy.resize(bytes.size());
  EXPECT_EQ(copy, bytes);
  EXPECT_LT(::pwrite(fd->get(), "y", 1, 0), 0);
  EXPECT_NE(::ftruncate(fd->get(), 1), 0);
}

}  // namespace
}  // namespace cloister::os
