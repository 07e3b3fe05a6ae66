#include "sandbox/command_runner.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <string>
#include <vector>

#include "os/memfd.h"
#include "os/unix_message.h"
#include "sandbox/step.h"

namespace cloister::sandbox {
namespace {

struct Ran {
  pid_t supervisor = -1;
  int status = 0;  // What wait gave for the supervisor.
  std::vector<StatusRecord> records;
};

// Runs the bytes as a command file of `claimed` bytes and waits until its status pipe ends.
Ran run(const std::string& bytes, std::uint64_t claimed) {
  Ran ran;
  auto file = os::make_sealed_memfd("command", bytes);
  auto in = os::make_pipe();
  auto out = os::make_pipe();
  auto error = os::make_pipe();
  auto status = os::make_pipe();
  if (!file || !in || !out || !error || !status) return ran;
  ran.supervisor = start_command({file->get(), in->read_end.get(), out->write_end.get(),
                                  error->write_end.get(), status->write_end.get(), -1},
                                 claimed, 0);
  status->write_end.reset();
  StatusRecord record;
  while (::read(status->read_end.get(), &record, sizeof record) ==
         static_cast<ssize_t>(sizeof record)) {
    ran.records.push_back(record);
  }
  if (ran.supervisor > 0) ::waitpid(ran.supervisor, &ran.status, 0);
  return ran;
}

std::string file_of(std::uint32_t arguments, std::uint32_t variables, const std::string& strings) {
  CommandHeader header;
  header.argument_count = arguments;
  header.environment_count = variables;
  return std::string(reinterpret_cast<const char*>(&header), sizeof header) + strings;
}

void expect_refused(const std::string& bytes, std::uint64_t claimed) {
  const Ran ran = run(bytes, claimed);
  ASSERT_GT(ran.supervisor, 0);
  EXPECT_TRUE(WIFEXITED(ran.status)) << "the supervisor must not crash: " << ran.status;
  ASSERT_EQ(ran.records.size(), 1U);
  EXPECT_EQ(ran.records[0].magic, kProtocolMagic);
  EXPECT_EQ(ran.records[0].kind, StatusKind::kFailed);
  EXPECT_EQ(ran.records[0].step, static_cast<std::uint32_t>(Step::kReceive));
  EXPECT_EQ(ran.records[0].error, EINVAL);
}

void expect_refused(const std::string& bytes) {
  expect_refused(bytes, bytes.size());
}

TEST(StartCommand, RefusesAnEmptyFile) {
  expect_refused("");
  expect_refused(std::string(sizeof(CommandHeader) - 1, 'x'));
}

TEST(StartCommand, RefusesCountsThatAreNotThere) {
  expect_refused(file_of(0, 0, ""));
  expect_refused(file_of(2, 0, std::string("one\0", 4)));
  expect_refused(file_of(1, 5, std::string("one\0", 4)));
  expect_refused(file_of(1, 0, std::string("one\0", 4)));
  expect_refused(file_of(1, 0, std::string("one\0there\0", 10)));
  expect_refused(file_of(~0U, ~0U, std::string(100, '\0')));
}

TEST(StartCommand, RefusesAStringWithoutItsEnd) {
  expect_refused(file_of(1, 0, "endless"));
  // As long as a page, where there is no zero byte behind it by chance.
  expect_refused(file_of(1, 0, std::string(4096 - sizeof(CommandHeader), 'x')));
}

TEST(StartCommand, RefusesWhatIsTooLarge) {
  const std::string bytes =
      file_of(1, 0, std::string("one\0/\0", 6) + std::string(kMaxCommandBytes, '\0'));
  expect_refused(bytes);
}

TEST(StartCommand, RefusesASizeBeyondTheFile) {
  const std::string bytes = file_of(1, 0, std::string("one\0/\0", 6));
  expect_refused(bytes, bytes.size() + 4096);
  expect_refused(bytes, 64 << 10);
  expect_refused(bytes, ~0ULL);
}

TEST(StartCommand, ReportsTheStepThatFails) {
  if (::access("/workspace", F_OK) == 0) GTEST_SKIP() << "this host has a /workspace of its own";
  const std::string bytes = file_of(1, 0, std::string("true\0/\0", 7));
  const Ran ran = run(bytes, bytes.size());
  ASSERT_GT(ran.supervisor, 0);
  // The program's process names the step; the supervisor then reports how that process ended.
  ASSERT_EQ(ran.records.size(), 2U);
  EXPECT_EQ(ran.records[0].kind, StatusKind::kFailed);
  EXPECT_EQ(ran.records[0].step, static_cast<std::uint32_t>(Step::kWorkingDirectory));
  EXPECT_EQ(ran.records[0].error, ENOENT);
  EXPECT_EQ(ran.records[1].kind, StatusKind::kExited);
  EXPECT_EQ(WEXITSTATUS(ran.records[1].status), 127);
}

}  // namespace
}  // namespace cloister::sandbox
