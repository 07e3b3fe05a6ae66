#include "net/chunk_decoder.h"

#include <gtest/gtest.h>

#include <array>
#include <optional>

namespace cloister::net {
namespace {

struct Decoded {
  std::string body;
  std::string rest;
  bool done = false;
};

// Feeds `piece_size` bytes at a time into a buffer of `room` bytes; nothing for an invalid body.
std::optional<Decoded> decode(std::string_view input, std::size_t piece_size, std::size_t room) {
  ChunkDecoder decoder;
  Decoded decoded;
  std::array<char, 64> buffer{};
  while (!input.empty() && !decoder.is_done()) {
    auto step = decoder.decode(input.substr(0, piece_size), std::span(buffer).first(room));
    if (!step) return std::nullopt;
    decoded.body.append(buffer.data(), step->produced);
    input.remove_prefix(step->consumed);
  }
  decoded.rest = input;
  decoded.done = decoder.is_done();
  return decoded;
}

TEST(ChunkDecoder, DecodesForEverySizeOfPieceAndBuffer) {
  const std::string input =
      "5\r\nhello\r\n1;a=b\r\n \r\n0A\r\n0123456789\r\n0\r\nx-sum: 1\r\ny: 2\r\n\r\nGET /";
  for (std::size_t piece = 1; piece <= input.size(); ++piece) {
    for (const std::size_t room : {1U, 3U, 64U}) {
      const auto decoded = decode(input, piece, room);
      ASSERT_TRUE(decoded.has_value());
      EXPECT_TRUE(decoded->done);
      EXPECT_EQ(decoded->body, "hello 0123456789");
      EXPECT_EQ(decoded->rest, "GET /");
    }
  }
}

TEST(ChunkDecoder, AcceptsAnEmptyBody) {
  const auto decoded = decode("0\r\n\r\n", 1, 8);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_TRUE(decoded->done);
  EXPECT_EQ(decoded->body, "");
}

TEST(ChunkDecoder, IsNotDoneBeforeTheEnd) {
  const std::string input = "3\r\nabc\r\n0\r\n\r\n";
  for (std::size_t length = 0; length < input.size(); ++length) {
    const auto decoded = decode(std::string_view(input).substr(0, length), 4, 8);
    ASSERT_TRUE(decoded.has_value()) << length;
    EXPECT_FALSE(decoded->done) << length;
  }
}

TEST(ChunkDecoder, RefusesWhatOtherReadersMightUnderstandDifferently) {
  for (const std::string_view input :
       {"\r\n", "g\r\n", "-1\r\n", "0x5\r\nhello", "5\nhello\r\n", "5\r\nhelloX\r\n",
        "5\r\nhello\n0\r\n", ";\r\n", " 5\r\nhello", "5\r\rhello", "5;a\nhello", "0\r\n\n",
        "0\r\nx: 1\n\r\n", "fffffffffffffffff\r\n", "10000000000000000\r\n"}) {
    EXPECT_FALSE(decode(input, 64, 64).has_value()) << input;
  }
}

TEST(ChunkDecoder, LimitsExtensionsAndTrailers) {
  EXPECT_FALSE(decode("5;" + std::string(20'000, 'x') + "\r\n", 1000, 64).has_value());
  EXPECT_FALSE(decode("0\r\n" + std::string(20'000, 'x'), 1000, 64).has_value());
}

}  // namespace
}  // namespace cloister::net
