#include "engine/output_buffer.h"

#include <gtest/gtest.h>

namespace cloister::engine {
namespace {

const std::string kReplacement = "\xEF\xBF\xBD";
const std::string kMarker = "\n...[truncated]";

std::string capped(std::size_t cap, std::string_view bytes, std::size_t piece) {
  CappedOutput output(cap);
  for (std::size_t i = 0; i < bytes.size(); i += piece)
    output.append(bytes.substr(i, piece));
  return output.text();
}

TEST(CappedOutput, LeavesWhatFitsAlone) {
  EXPECT_EQ(capped(10, "", 1), "");
  EXPECT_EQ(capped(10, "0123456789", 3), "0123456789");
  EXPECT_EQ(capped(0, "", 1), "");
}

TEST(CappedOutput, CutsBelowTheCapWhereverThePiecesEnd) {
  const std::string bytes(101, 'x');
  for (const std::size_t piece : {1U, 7U, 68U, 99U, 100U, 101U}) {
    EXPECT_EQ(capped(100, bytes, piece), std::string(68, 'x') + kMarker) << piece;
  }
  EXPECT_EQ(capped(100, std::string(100, 'x'), 9), std::string(100, 'x'));
}

TEST(CappedOutput, HasTheDocumentedSizeAtTheDefaultCap) {
  EXPECT_EQ(capped(1'000'000, std::string(2'000'000, 'x'), 4096).size(), 999'983U);
}

TEST(CappedOutput, NeverKeepsANegativeNumberOfBytes) {
  EXPECT_EQ(capped(31, std::string(40, 'x'), 40), kMarker);
  EXPECT_EQ(capped(0, "x", 1), kMarker);
}

TEST(CappedOutput, RepairsACharacterThatTheCutSplits) {
  const std::string bytes = std::string(67, 'x') + "\xC3\xA9" + std::string(50, 'y');
  EXPECT_EQ(capped(100, bytes, 5), std::string(67, 'x') + kReplacement + kMarker);
  EXPECT_EQ(capped(100, "a\xFF\xE2\x82", 1), "a" + kReplacement + kReplacement);
}

TEST(CappedOutput, StaysSmallHoweverMuchComes) {
  CappedOutput output(1000);
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 10'240; ++i)
    output.append(piece);  // 10 GiB.
  EXPECT_TRUE(output.truncated());
  EXPECT_EQ(output.text(), std::string(968, 'x') + kMarker);
}

TEST(StreamCap, PassesOnUpToTheCapAndThenNothing) {
  StreamCap stream(5);
  EXPECT_EQ(stream.accept("abc"), "abc");
  EXPECT_EQ(stream.accept("def"), "de");
  EXPECT_EQ(stream.accept("ghi"), "");
  EXPECT_EQ(stream.finish(), "");
}

TEST(StreamCap, HoldsACharacterBackUntilItIsWhole) {
  StreamCap stream(100);
  EXPECT_EQ(stream.accept("a\xE2\x82"), "a");
  EXPECT_EQ(stream.accept("\xAC"), "\xE2\x82\xAC");
  EXPECT_EQ(stream.accept("\xE2"), "");
  EXPECT_EQ(stream.finish(), kReplacement);
}

TEST(StreamCap, ReplacesTheCharacterThatTheCapSplitsOnce) {
  StreamCap stream(3);
  EXPECT_EQ(stream.accept("ab\xC3\xA9"), "ab" + kReplacement);
  EXPECT_EQ(stream.accept("\xA9"), "");
  EXPECT_EQ(stream.finish(), "");

  StreamCap exact(3);
  EXPECT_EQ(exact.accept("ab\xC3"), "ab");
  EXPECT_EQ(exact.accept("\xA9"), kReplacement);
  EXPECT_EQ(exact.finish(), "");
}

}  // namespace
}  // namespace cloister::engine
