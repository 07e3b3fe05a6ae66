#include "observe/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <limits>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "base/utf8.h"

namespace cloister {
namespace {

class FixedClock final : public Clock {
 public:
  WallTime wall_now() const override { return WallTime(Microseconds(1'700'000'000'012'345)); }
  SteadyTime steady_now() const override { return {}; }
};

// Collects what is written to a pipe; enough for lines that fit its buffer.
class Sink {
 public:
  Sink() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    read_.reset(ends[0]);
    write_.reset(ends[1]);
  }
  int fd() const { return write_.get(); }
  std::string take() {
    write_.reset();
    std::string text;
    std::array<char, 4096> chunk{};
    for (;;) {
      const ssize_t count = ::read(read_.get(), chunk.data(), chunk.size());
      if (count <= 0) return text;
      text.append(chunk.data(), static_cast<std::size_t>(count));
    }
  }

 private:
  UniqueFd read_;
  UniqueFd write_;
};

TEST(ParseLogLevel, AcceptsAnyLetterCase) {
  EXPECT_EQ(parse_log_level("INFO"), LogLevel::kInfo);
  EXPECT_EQ(parse_log_level("info"), LogLevel::kInfo);
  EXPECT_EQ(parse_log_level("Warning"), LogLevel::kWarning);
  EXPECT_EQ(parse_log_level("WARN"), LogLevel::kWarning);
  EXPECT_EQ(parse_log_level("verbose"), std::nullopt);
  EXPECT_EQ(parse_log_level(""), std::nullopt);
  EXPECT_EQ(parse_log_format("JSON"), LogFormat::kJson);
  EXPECT_EQ(parse_log_format("xml"), std::nullopt);
}

TEST(Logger, WritesJsonWithEveryKindOfField) {
  const FixedClock clock;
  Sink sink;
  const std::string id = "a\"b\n";
  Logger(LogLevel::kInfo, LogFormat::kJson, clock, sink.fd())
      .info("execution \"finished\"", {{"id", id},
                                       {"ms", 3},
                                       {"ratio", 0.5},
                                       {"ok", true},
                                       {"none", std::numeric_limits<double>::infinity()},
                                       {"u", ~std::uint64_t{0}}});
  EXPECT_EQ(
      sink.take(),
      "{\"time\":\"2023-11-14T22:13:20.012Z\",\"level\":\"info\",\"message\":\"execution "
      "\\\"finished\\\"\",\"id\":\"a\\\"b\\n\",\"ms\":3,\"ratio\":0.5,\"ok\":true,\"none\":null,"
      "\"u\":9223372036854775807}\n");
}

TEST(Logger, WritesPlainLinesThatStayOneLine) {
  const FixedClock clock;
  Sink sink;
  Logger(LogLevel::kDebug, LogFormat::kPlain, clock, sink.fd())
      .error("broken\npipe", {{"path", "/a b"}, {"name", "x"}, {"empty", ""}, {"n", -1}});
  EXPECT_EQ(
      sink.take(),
      "2023-11-14T22:13:20.012Z error   broken\\npipe path=\"/a b\" name=x empty=\"\" n=-1\n");
}

TEST(Logger, LeavesOutLowerLevels) {
  const FixedClock clock;
  Sink sink;
  const Logger logger(LogLevel::kWarning, LogFormat::kJson, clock, sink.fd());
  logger.debug("a");
  logger.info("b");
  logger.warning("c");
  const std::string text = sink.take();
  EXPECT_THAT(text, testing::HasSubstr("\"message\":\"c\""));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("\"message\":\"b\"")));
}

TEST(Logger, RepairsTextAndCutsIt) {
  const FixedClock clock;
  Sink sink;
  Logger(LogLevel::kInfo, LogFormat::kJson, clock, sink.fd())
      .info("a\xFFz\x01", {{"long", std::string(100'000, 'x')}});
  const std::string text = sink.take();
  EXPECT_TRUE(is_valid_utf8(text));
  EXPECT_THAT(text, testing::HasSubstr("\"a\xEF\xBF\xBDz\\u0001\""));
  EXPECT_LT(text.size(), 10'000U);
}

TEST(Logger, KeepsLinesOfThreadsWhole) {
  const FixedClock clock;
  Sink sink;
  {
    const Logger logger(LogLevel::kInfo, LogFormat::kPlain, clock, sink.fd());
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&logger] {
        for (int i = 0; i < 100; ++i)
          logger.info("same", {{"text", "0123456789"}});
      });
    }
  }
  const std::string text = sink.take();
  const std::string line = "2023-11-14T22:13:20.012Z info    same text=0123456789\n";
  std::string expected;
  for (int i = 0; i < 400; ++i)
    expected += line;
  EXPECT_EQ(text, expected);
}

}  // namespace
}  // namespace cloister
