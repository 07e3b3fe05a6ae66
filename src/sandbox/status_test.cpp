#include "sandbox/status.h"

#include <gtest/gtest.h>
#include <limits.h>
#include <signal.h>

#include <set>
#include <string>

#include "os/unix_message.h"
#include "sandbox/step.h"

namespace cloister::sandbox {
namespace {

static_assert(sizeof(StatusRecord) <= PIPE_BUF, "a record is written in one piece");

class Status : public testing::Test {
 protected:
  void SetUp() override {
    auto pipe = os::make_pipe();
    ASSERT_TRUE(pipe.has_value());
    pipe_ = std::move(*pipe);
  }

  // The only record in the pipe.
  StatusRecord read_one() {
    pipe_.write_end.reset();
    StatusRecord records[2];
    EXPECT_EQ(::read(pipe_.read_end.get(), records, sizeof records),
              static_cast<ssize_t>(sizeof records[0]));
    return records[0];
  }

  os::Pipe pipe_;
};

TEST_F(Status, Armed) {
  write_armed(pipe_.write_end.get());
  const StatusRecord record = read_one();
  EXPECT_EQ(record.magic, kProtocolMagic);
  EXPECT_EQ(record.kind, StatusKind::kArmed);
}

TEST_F(Status, FailedNamesStepAndError) {
  write_failure(pipe_.write_end.get(), {Step::kSeccomp, EPERM});
  const StatusRecord record = read_one();
  EXPECT_EQ(record.kind, StatusKind::kFailed);
  EXPECT_STREQ(step_name(record.step), "load the seccomp filter");
  EXPECT_EQ(record.error, EPERM);
}

TEST_F(Status, ExitedHasTheStatusAndWhatWasUsed) {
  rusage usage{};
  usage.ru_utime = {2, 5};
  usage.ru_stime = {0, 999999};
  usage.ru_maxrss = 4321;
  write_exit(pipe_.write_end.get(), 256, usage);
  const StatusRecord record = read_one();
  EXPECT_EQ(record.kind, StatusKind::kExited);
  EXPECT_EQ(record.status, 256);
  EXPECT_EQ(record.user_us, 2000005U);
  EXPECT_EQ(record.system_us, 999999U);
  EXPECT_EQ(record.max_rss_kib, 4321U);
}

TEST_F(Status, AReaderThatIsGoneIsNoError) {
  const auto before = ::signal(SIGPIPE, SIG_IGN);
  pipe_.read_end.reset();
  write_armed(pipe_.write_end.get());
  EXPECT_EQ(errno, EPIPE);
  ::signal(SIGPIPE, before);
}

TEST(StepName, EveryStepHasItsOwnText) {
  std::set<std::string> names;
  for (std::uint32_t step = 0; step < static_cast<std::uint32_t>(Step::kCount); ++step) {
    const std::string name = step_name(step);
    EXPECT_FALSE(name.empty()) << step;
    EXPECT_NE(name, "unknown step") << step;
    EXPECT_TRUE(names.insert(name).second) << name << " is there twice";
  }
}

TEST(StepName, AnyNumberHasAText) {
  EXPECT_STREQ(step_name(static_cast<std::uint32_t>(Step::kCount)), "unknown step");
  EXPECT_STREQ(step_name(~0U), "unknown step");
}

}  // namespace
}  // namespace cloister::sandbox
