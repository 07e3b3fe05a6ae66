// ProgramIo with a channel; the program is the test itself, at the other ends.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "backends/native/program_io.h"
#include "os/unix_message.h"
#include "sandbox/status.h"
#include "testing/virtual_clock.h"

namespace cloister::backends::native {
namespace {

constexpr Milliseconds kLong{20000};

using Answer = std::function<std::optional<std::string>(std::string_view)>;

class Recorder final : public engine::RunObserver {
 public:
  void on_output(engine::Stream stream, std::string_view bytes) override {
    (stream == engine::Stream::kStdout ? out : error) += bytes;
  }
  std::optional<std::string> on_message(std::string_view message) override {
    messages.emplace_back(message);
    return answer(message);
  }
  std::string out;
  std::string error;
  std::vector<std::string> messages;
  Answer answer = [](std::string_view) { return std::string("ok"); };
};

class ProgramChannelTest : public testing::Test {
 protected:
  void SetUp() override {
    for (os::Pipe* pipe : {&in_, &out_, &error_, &status_}) {
      auto made = os::make_pipe();
      ASSERT_TRUE(made.has_value());
      *pipe = std::move(*made);
    }
    auto pair = os::make_seqpacket_pair();
    ASSERT_TRUE(pair.has_value());
    channel_ = std::move(*pair);
  }

  // On the test's own clock when it is given one.
  Result<engine::RunOutcome> run(Milliseconds deadline = kLong) { return run(clock_, deadline); }
  Result<engine::RunOutcome> run(const Clock& clock, Milliseconds deadline) {
    ProgramIo io({&in_.write_end, out_.read_end.get(), error_.read_end.get(),
                  status_.read_end.get(), nullptr, channel_.first.get()},
                 {}, recorder_, clock, [this] {
                   ++kills_;
                   end_program(SIGKILL);
                 });
    return io.run({}, deadline);
  }

  // The program's side.
  void send(std::string_view datagram) {
    EXPECT_EQ(::send(channel_.second.get(), datagram.data(), datagram.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(datagram.size()));
  }
  std::string receive() {
    std::string datagram(70000, '\0');
    const ssize_t count = ::recv(channel_.second.get(), datagram.data(), datagram.size(), 0);
    datagram.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return datagram;
  }
  void end_program(int status = 0) { sandbox::write_exit(status_.write_end.get(), status, {}); }

  void expect_killed(const Result<engine::RunOutcome>& outcome) const {
    ASSERT_TRUE(outcome.has_value()) << outcome.error().describe();
    EXPECT_EQ(outcome->exit_code, 137);
    EXPECT_FALSE(outcome->timed_out);
    EXPECT_FALSE(outcome->cancelled);
    EXPECT_EQ(kills_, 1);
  }

  os::Pipe in_, out_, error_, status_;
  os::SocketPair channel_;
  Recorder recorder_;
  SystemClock clock_;
  int kills_ = 0;
};

TEST_F(ProgramChannelTest, CarriesMessagesAndAnswers) {
  recorder_.answer = [](std::string_view message) { return "<" + std::string(message) + ">"; };
  std::thread program([this] {
    send("Eone");
    EXPECT_EQ(receive(), "E<one>");
    send("Ctw");
    send("C");
    send("Eo");
    EXPECT_EQ(receive(), "E<two>");
    send("E");
    EXPECT_EQ(receive(), "E<>");
    end_program(3 << 8);
  });
  const auto outcome = run();
  program.join();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->exit_code, 3);
  EXPECT_EQ(recorder_.messages, (std::vector<std::string>{"one", "two", ""}));
  EXPECT_EQ(kills_, 0);
}

TEST_F(ProgramChannelTest, LongMessagesAndAnswersGoInParts) {
  const std::string question(5'000'000, 'q');
  std::string answer(3'000'001, 'a');
  recorder_.answer = [&](std::string_view) { return answer; };
  std::string got;
  std::thread program([&] {
    std::string_view left = question;
    while (left.size() > 65535) {
      send("C" + std::string(left.substr(0, 65535)));
      left.remove_prefix(65535);
    }
    send("E" + std::string(left));
    for (;;) {
      const std::string part = receive();
      ASSERT_LE(part.size(), 65536U);
      got += part.substr(1);
      if (part.front() == 'E') break;
      ASSERT_EQ(part.front(), 'C');
    }
    end_program();
  });
  const auto outcome = run();
  program.join();
  ASSERT_TRUE(outcome.has_value());
  ASSERT_EQ(recorder_.messages.size(), 1U);
  EXPECT_EQ(recorder_.messages[0], question);
  EXPECT_EQ(got, answer);
}

TEST_F(ProgramChannelTest, OutputBeforeAMessageIsSeenBeforeIt) {
  // More than one read takes.
  ASSERT_GT(::fcntl(out_.write_end.get(), F_SETPIPE_SZ, 1 << 20), 1 << 19);
  const std::string output(500'000, 'o');
  ASSERT_EQ(::write(out_.write_end.get(), output.data(), output.size()),
            static_cast<ssize_t>(output.size()));
  ASSERT_EQ(::write(error_.write_end.get(), "e", 1), 1);
  send("Emessage");
  std::size_t out_before = 0;
  std::size_t error_before = 0;
  recorder_.answer = [&](std::string_view) {
    out_before = recorder_.out.size();
    error_before = recorder_.error.size();
    end_program();
    return std::string("ok");
  };
  ASSERT_TRUE(run().has_value());
  EXPECT_EQ(out_before, output.size());
  EXPECT_EQ(error_before, 1U);
}

TEST_F(ProgramChannelTest, TheTimeOfAnAnswerIsNotTheProgramsTime) {
  fakes::VirtualClock clock;
  recorder_.answer = [&](std::string_view) {
    clock.advance(Milliseconds(60000));
    return std::string("ok");
  };
  std::thread program([this] {
    send("Emessage");
    receive();
    end_program(2 << 8);
  });
  const auto outcome = run(clock, Milliseconds(1000));
  program.join();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->exit_code, 2);
  EXPECT_EQ(outcome->duration.count(), 0);
}

TEST_F(ProgramChannelTest, TheTimeBeforeAndAfterIs) {
  recorder_.answer = [](std::string_view) { return std::string("ok"); };
  std::thread program([this] {
    send("Emessage");
    receive();
  });
  const auto outcome = run(Milliseconds(50));
  program.join();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_TRUE(outcome->timed_out);
  EXPECT_EQ(kills_, 1);
}

TEST_F(ProgramChannelTest, NoAnswerCancelsTheProgram) {
  recorder_.answer = [](std::string_view) { return std::nullopt; };
  send("Emessage");
  const auto outcome = run();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_TRUE(outcome->cancelled);
  EXPECT_FALSE(outcome->exit_code.has_value());
  EXPECT_EQ(kills_, 1);
}

TEST_F(ProgramChannelTest, WhatHasNoRightFormIsKilled) {
  for (const std::string& datagram :
       std::vector<std::string>{"", "x", "e{}", "Q", std::string("\0E", 2)}) {
    kills_ = 0;
    auto pair = os::make_seqpacket_pair();
    ASSERT_TRUE(pair.has_value());
    channel_ = std::move(*pair);
    send(datagram);
    expect_killed(run());
  }
  EXPECT_TRUE(recorder_.messages.empty());
}

TEST_F(ProgramChannelTest, ADatagramThatIsTooLongIsKilled) {
  send("E" + std::string(65536, 'x'));
  expect_killed(run());
  EXPECT_TRUE(recorder_.messages.empty());
}

TEST_F(ProgramChannelTest, AMessageThatIsTooLongIsKilled) {
  std::thread program([this] {
    // Ends when the other end is no longer read.
    const std::string part = "C" + std::string(65535, 'x');
    for (int i = 0; i < 1000; ++i) {
      if (::send(channel_.second.get(), part.data(), part.size(), MSG_NOSIGNAL) < 0) return;
    }
    FAIL() << "65 MB have been taken";
  });
  const auto outcome = run();
  channel_.first.reset();
  program.join();
  expect_killed(outcome);
  EXPECT_TRUE(recorder_.messages.empty());
}

TEST_F(ProgramChannelTest, AnAnswerThatIsNotTakenIsKilledInTime) {
  fakes::VirtualClock clock;
  // Larger than what the socket holds.
  recorder_.answer = [&](std::string_view) { return std::string(4'000'000, 'a'); };
  std::thread program([&] {
    send("Emessage");
    pollfd arrived{channel_.second.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&arrived, 1, static_cast<int>(kLong.count())), 1);
    clock.advance(Milliseconds(10001));
    // Output ends the wait of the poll, which does not see the clock.
    EXPECT_EQ(::write(out_.write_end.get(), "o", 1), 1);
  });
  const auto outcome = run(clock, Milliseconds(3'600'000));
  program.join();
  expect_killed(outcome);
}

TEST_F(ProgramChannelTest, AClosedChannelIsNoEnd) {
  std::thread program([this] {
    channel_.second.reset();
    end_program(6 << 8);
  });
  const auto outcome = run();
  program.join();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->exit_code, 6);
  EXPECT_EQ(kills_, 0);
}

TEST_F(ProgramChannelTest, AProgramThatGoesBeforeItsAnswerEndsByItself) {
  recorder_.answer = [this](std::string_view) {
    channel_.second.reset();
    end_program(7 << 8);
    return std::string("nobody reads this");
  };
  send("Emessage");
  const auto outcome = run();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->exit_code, 7);
  EXPECT_EQ(kills_, 0);
}

TEST_F(ProgramChannelTest, AMessageOfAProgramThatHasEndedIsLeft) {
  send("Emessage");
  end_program(1 << 8);
  const auto outcome = run();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->exit_code, 1);
  EXPECT_TRUE(recorder_.messages.empty());
}

TEST_F(ProgramChannelTest, DescriptorsThatComeAlongAreClosed) {
  auto pipe = os::make_pipe();
  ASSERT_TRUE(pipe.has_value());
  const int passed[] = {pipe->write_end.get()};
  ASSERT_EQ(os::send_message(channel_.second.get(), "Ehello", 6, passed), 0);
  pipe->write_end.reset();
  bool closed = false;
  recorder_.answer = [&](std::string_view) {
    pollfd watched{pipe->read_end.get(), POLLIN, 0};
    closed = ::poll(&watched, 1, 0) == 1 && (watched.revents & POLLHUP) != 0;
    end_program();
    return std::string("ok");
  };
  ASSERT_TRUE(run().has_value());
  EXPECT_EQ(recorder_.messages, std::vector<std::string>{"hello"});
  EXPECT_TRUE(closed) << "somebody still holds it";
}

}  // namespace
}  // namespace cloister::backends::native
