#include "backends/native/program_io.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>

#include <atomic>
#include <string>
#include <thread>

#include "os/unix_message.h"
#include "sandbox/status.h"
#include "sandbox/step.h"

namespace cloister::backends::native {
namespace {

constexpr Milliseconds kLong{20000};

class Recorder : public engine::RunObserver {
 public:
  void on_output(engine::Stream stream, std::string_view bytes) override {
    EXPECT_FALSE(bytes.empty());
    (stream == engine::Stream::kStdout ? out : error) += bytes;
  }
  std::string out;
  std::string error;
};

// The program is the test itself, at the other ends of the pipes.
class ProgramIoTest : public testing::Test {
 protected:
  void SetUp() override {
    old_sigpipe_ = ::signal(SIGPIPE, SIG_IGN);  // As the server does.
    for (os::Pipe* pipe : {&in_, &out_, &error_, &status_}) {
      auto made = os::make_pipe();
      ASSERT_TRUE(made.has_value());
      *pipe = std::move(*made);
    }
    ASSERT_TRUE(os::set_nonblocking(in_.write_end.get()));
  }
  void TearDown() override { ::signal(SIGPIPE, old_sigpipe_); }

  ProgramEnds make_ends() {
    return {&in_.write_end,
            out_.read_end.get(),
            error_.read_end.get(),
            status_.read_end.get(),
            nullptr,
            -1};
  }

  ProgramIo make_io() {
    return {make_ends(), cancellation_, recorder_, clock_, [this] {
              ++kills_;
              if (on_kill_) on_kill_();
            }};
  }

  Result<engine::RunOutcome> run(Milliseconds deadline = kLong, std::string_view input = {}) {
    ProgramIo io = make_io();
    return io.run({input, {}}, deadline);
  }

  static void write_all(const UniqueFd& fd, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::write(fd.get(), bytes.data(), bytes.size());
      ASSERT_GT(count, 0);
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  static std::string read_to_end(const UniqueFd& fd) {
    std::string text;
    char buffer[8192];
    for (;;) {
      const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
      if (count <= 0) return text;
      text.append(buffer, static_cast<std::size_t>(count));
    }
  }

  void end_program(int status = 0) { sandbox::write_exit(status_.write_end.get(), status, {}); }

  os::Pipe in_, out_, error_, status_;
  engine::Cancellation cancellation_;
  Recorder recorder_;
  SystemClock clock_;
  std::function<void()> on_kill_;
  int kills_ = 0;
  sighandler_t old_sigpipe_ = nullptr;
};

TEST_F(ProgramIoTest, GivesTheExitCode) {
  end_program(3 << 8);
  const auto outcome = run();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->exit_code, 3);
  EXPECT_FALSE(outcome->timed_out);
  EXPECT_FALSE(outcome->cancelled);
  EXPECT_GE(outcome->duration.count(), 0);
  EXPECT_EQ(kills_, 0);
}

TEST_F(ProgramIoTest, DeathByASignalIs128AndItsNumber) {
  end_program(SIGSEGV);
  const auto outcome = run();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->exit_code, 128 + SIGSEGV);
}

TEST_F(ProgramIoTest, ArmedIsNotTheEnd) {
  sandbox::write_armed(status_.write_end.get());
  end_program(0);
  const auto outcome = run();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->exit_code, 0);
}

TEST_F(ProgramIoTest, HandsOnBothStreamsInTheirOrder) {
  std::string expected_out;
  std::string expected_error;
  std::thread program([&] {
    for (int i = 0; i < 20000; ++i) {
      const std::string line = "line " + std::to_string(i) + "\n";
      write_all(out_.write_end, line);
      expected_out += line;
      if (i % 3 != 0) continue;
      write_all(error_.write_end, line);
      expected_error += line;
    }
    end_program();
  });
  ProgramIo io = make_io();
  const auto outcome = io.run({}, kLong);
  program.join();
  io.drain(false);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(recorder_.out, expected_out);
  EXPECT_EQ(recorder_.error, expected_error);
}

TEST_F(ProgramIoTest, AStreamThatEndsEarlyIsNoEnd) {
  out_.write_end.reset();
  error_.write_end.reset();
  std::thread program([this] { end_program(5 << 8); });
  const auto outcome = run();
  program.join();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->exit_code, 5);
}

TEST_F(ProgramIoTest, FeedsStandardInputAndClosesIt) {
  std::string input;
  for (int i = 0; i < 100000; ++i)
    input += std::to_string(i) + " ";
  std::string got;
  std::thread program([&] {
    char buffer[8192];
    for (;;) {
      const ssize_t count = ::read(in_.read_end.get(), buffer, sizeof buffer);
      if (count <= 0) break;
      got.append(buffer, static_cast<std::size_t>(count));
    }
    end_program();
  });
  const auto outcome = run(kLong, input);
  program.join();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(got, input);
  EXPECT_FALSE(in_.write_end.is_open());
}

TEST_F(ProgramIoTest, WithoutInputTheProgramFindsItsEnd) {
  char byte = 0;
  ssize_t count = -1;
  std::thread program([&] {
    count = ::read(in_.read_end.get(), &byte, 1);
    end_program();
  });
  const auto outcome = run();
  program.join();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(count, 0);
}

TEST_F(ProgramIoTest, AReaderThatClosesEarlyGetsNoMore) {
  const std::string input(1 << 20, 'x');
  std::thread program([&] {
    char buffer[10];
    EXPECT_EQ(::read(in_.read_end.get(), buffer, sizeof buffer), 10);
    in_.read_end.reset();
    write_all(out_.write_end, "goes on");
    end_program();
  });
  ProgramIo io = make_io();
  const auto outcome = io.run({input, {}}, kLong);
  program.join();
  io.drain(false);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->exit_code, 0);
  EXPECT_EQ(recorder_.out, "goes on");
  EXPECT_FALSE(in_.write_end.is_open());
}

TEST_F(ProgramIoTest, TimeUpKillsOnce) {
  on_kill_ = [this] { end_program(SIGKILL); };
  write_all(out_.write_end, "before");
  const auto outcome = run(Milliseconds(30));
  ASSERT_TRUE(outcome.has_value());
  EXPECT_TRUE(outcome->timed_out);
  EXPECT_FALSE(outcome->cancelled);
  EXPECT_FALSE(outcome->exit_code.has_value());
  EXPECT_GE(outcome->duration, Milliseconds(30));
  EXPECT_EQ(kills_, 1);
  EXPECT_EQ(recorder_.out, "before");
}

TEST_F(ProgramIoTest, OutputDuringTheKillIsHandedOn) {
  on_kill_ = [this] {
    write_all(out_.write_end, "last words");
    end_program(SIGKILL);
  };
  ProgramIo io = make_io();
  const auto outcome = io.run({}, Milliseconds(1));
  io.drain(false);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_TRUE(outcome->timed_out);
  EXPECT_EQ(recorder_.out, "last words");
}

TEST_F(ProgramIoTest, TheCallersHangUpCancels) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  cancellation_.hangup_fd = ours.get();
  on_kill_ = [this] { end_program(SIGKILL); };
  std::thread caller([&] {
    // Bytes are no hang-up.
    write_all(theirs, "another request");
    theirs.reset();
  });
  const auto outcome = run();
  caller.join();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_TRUE(outcome->cancelled);
  EXPECT_FALSE(outcome->timed_out);
  EXPECT_FALSE(outcome->exit_code.has_value());
  EXPECT_EQ(kills_, 1);
}

TEST_F(ProgramIoTest, BytesOfTheCallerAreNoHangUp) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  cancellation_.hangup_fd = ours.get();
  write_all(theirs, "another request");
  std::thread program([this] { end_program(); });
  const auto outcome = run();
  program.join();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->exit_code, 0);
  EXPECT_EQ(kills_, 0);
}

TEST_F(ProgramIoTest, FeedsAMessageBesideStandardInput) {
  auto pipe = os::make_pipe();
  ASSERT_TRUE(pipe.has_value());
  ASSERT_TRUE(os::set_nonblocking(pipe->write_end.get()));
  const std::string message(1 << 20, 'm');
  std::string got;
  std::thread program([&] {
    got = read_to_end(pipe->read_end);
    got += read_to_end(in_.read_end);
    end_program();
  });
  ProgramEnds ends = make_ends();
  ends.message = &pipe->write_end;
  ProgramIo io(ends, cancellation_, recorder_, clock_, [] {});
  const auto outcome = io.run({"typed", message}, kLong);
  program.join();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(got, message + "typed");
  EXPECT_FALSE(pipe->write_end.is_open());
}

TEST_F(ProgramIoTest, AnEmptyMessageIsTheEndOfItsPipe) {
  auto pipe = os::make_pipe();
  ASSERT_TRUE(pipe.has_value());
  std::thread program([&] {
    EXPECT_EQ(read_to_end(pipe->read_end), "");
    end_program();
  });
  ProgramEnds ends = make_ends();
  ends.message = &pipe->write_end;
  EXPECT_TRUE(ProgramIo(ends, cancellation_, recorder_, clock_, [] {}).run({}, kLong).has_value());
  program.join();
}

TEST_F(ProgramIoTest, ASandboxThatIsLostIsAnError) {
  status_.write_end.reset();
  const auto outcome = run();
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, ErrorCode::kUnavailable);
}

TEST_F(ProgramIoTest, ARecordOfTheWrongFormIsALoss) {
  sandbox::StatusRecord record;
  record.magic = 7;
  ASSERT_EQ(::write(status_.write_end.get(), &record, sizeof record),
            static_cast<ssize_t>(sizeof record));
  const auto outcome = run();
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, ErrorCode::kUnavailable);
}

TEST_F(ProgramIoTest, ALossByTheKillIsATimeOut) {
  on_kill_ = [this] { status_.write_end.reset(); };
  const auto outcome = run(Milliseconds(1));
  ASSERT_TRUE(outcome.has_value());
  EXPECT_TRUE(outcome->timed_out);
}

TEST_F(ProgramIoTest, AStartThatFailedNamesItsStep) {
  sandbox::write_failure(status_.write_end.get(), {sandbox::Step::kSeccomp, EACCES});
  const auto outcome = run();
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, ErrorCode::kInternal);
  EXPECT_EQ(outcome.error().system_errno, EACCES);
  EXPECT_NE(outcome.error().describe().find("load the seccomp filter"), std::string::npos);
}

TEST_F(ProgramIoTest, DrainTakesWhatIsThereWithoutWaiting) {
  end_program();
  ProgramIo io = make_io();
  ASSERT_TRUE(io.run({}, kLong).has_value());
  write_all(out_.write_end, std::string(60000, 'o'));
  write_all(error_.write_end, "e");
  io.drain(false);  // The write ends stay open: waiting for their end would take seconds.
  EXPECT_EQ(recorder_.out.size(), 60000U);
  EXPECT_EQ(recorder_.error, "e");
}

TEST_F(ProgramIoTest, DrainLeavesAWriterThatNeverStops) {
  end_program();
  ProgramIo io = make_io();
  ASSERT_TRUE(io.run({}, kLong).has_value());
  std::atomic<bool> stop{false};
  std::thread left_behind([&] {
    const std::string bytes(4096, 'x');
    while (!stop) {
      if (::write(out_.write_end.get(), bytes.data(), bytes.size()) < 0) return;
    }
  });
  io.drain(false);
  stop = true;
  out_.read_end.reset();
  left_behind.join();
  EXPECT_LE(recorder_.out.size(), 4U * 64 * 1024);
}

TEST_F(ProgramIoTest, DrainToTheEndWaitsForIt) {
  end_program();
  ProgramIo io = make_io();
  ASSERT_TRUE(io.run({}, kLong).has_value());
  std::thread dying([this] {
    for (int i = 0; i < 100; ++i)
      write_all(out_.write_end, std::string(10000, 'x'));
    out_.write_end.reset();
    write_all(error_.write_end, "end");
    error_.write_end.reset();
  });
  io.drain(true);
  dying.join();
  EXPECT_EQ(recorder_.out.size(), 1000000U);
  EXPECT_EQ(recorder_.error, "end");
}

}  // namespace
}  // namespace cloister::backends::native
