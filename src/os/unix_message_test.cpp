#include "os/unix_message.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>

namespace cloister::os {
namespace {

TEST(UnixMessage, CarriesBytesAndDescriptors) {
  auto pair = make_seqpacket_pair();
  ASSERT_TRUE(pair.has_value());
  auto pipe = make_pipe();
  ASSERT_TRUE(pipe.has_value());
  const int passed[] = {pipe->write_end.get()};
  ASSERT_EQ(send_message(pair->first.get(), "hello", 5, passed), 0);

  char buffer[16];
  ReceivedMessage message;
  ASSERT_EQ(receive_message(pair->second.get(), buffer, sizeof buffer, message), 0);
  EXPECT_EQ(std::string_view(buffer, message.size), "hello");
  ASSERT_EQ(message.descriptor_count, 1U);
  const UniqueFd copy = message.take(0);
  ASSERT_EQ(::write(copy.get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(pipe->read_end.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
}

TEST(UnixMessage, RefusesAMessageLargerThanTheBuffer) {
  auto pair = make_seqpacket_pair();
  ASSERT_TRUE(pair.has_value());
  ASSERT_EQ(send_message(pair->first.get(), "0123456789", 10, {}), 0);
  char buffer[4];
  ReceivedMessage message;
  EXPECT_EQ(receive_message(pair->second.get(), buffer, sizeof buffer, message), EMSGSIZE);
}

TEST(UnixMessage, ReportsAPeerThatIsGone) {
  auto pair = make_seqpacket_pair();
  ASSERT_TRUE(pair.has_value());
  pair->first.reset();
  char buffer[4];
  ReceivedMessage message;
  EXPECT_EQ(receive_message(pair->second.get(), buffer, sizeof buffer, message), 0);
  EXPECT_EQ(message.size, 0U);
  EXPECT_EQ(send_message(pair->second.get(), "x", 1, {}), EPIPE);
}

}  // namespace
}  // namespace cloister::os
