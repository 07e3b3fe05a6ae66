#include "images/child_program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>

#include "base/unique_fd.h"

namespace cloister::images {
namespace {

constexpr std::size_t kCaptureLimitBytes = std::size_t{16} << 20U;
constexpr std::size_t kLineLimitBytes = 4096;

struct Pipe {
  UniqueFd reader;
  UniqueFd writer;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno("pipe2");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// The environment of this process, with the C locale so that messages and sort orders are the same
// everywhere.
std::vector<std::string> child_environment() {
  std::vector<std::string> result;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (!text.starts_with("LC_") && !text.starts_with("LANG")) result.emplace_back(text);
  }
  result.emplace_back("LC_ALL=C.UTF-8");
  return result;
}

std::vector<char*> pointers_to(std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (std::string& text : strings)
    result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

class SpawnActions {
 public:
  SpawnActions() { ::posix_spawn_file_actions_init(&actions_); }
  ~SpawnActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  void duplicate(int from, int to) { ::posix_spawn_file_actions_adddup2(&actions_, from, to); }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

Result<pid_t> start(const std::vector<std::string>& argv, int input, int output, int errors) {
  std::vector<std::string> arguments = argv;
  std::vector<std::string> environment = child_environment();
  std::vector<char*> argument_pointers = pointers_to(arguments);
  std::vector<char*> environment_pointers = pointers_to(environment);
  SpawnActions actions;
  actions.duplicate(input, STDIN_FILENO);
  actions.duplicate(output, STDOUT_FILENO);
  actions.duplicate(errors, STDERR_FILENO);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, argv.front().c_str(), actions.get(), nullptr,
                                   argument_pointers.data(), environment_pointers.data());
  if (error == ENOENT) {
    return fail(ErrorCode::kUnavailable,
                "the program '" + argv.front() + "' is not installed; install it and try again");
  }
  if (error != 0) return fail_errno("start " + argv.front(), error);
  return pid;
}

// Cuts bytes into lines. A carriage return ends a line too: progress bars use it.
class LineSplitter {
 public:
  explicit LineSplitter(const LineSink& sink) : sink_(sink) {}

  void add(std::string_view bytes) {
    for (const char c : bytes) {
      if (c == '\n' || c == '\r' || line_.size() >= kLineLimitBytes) finish();
      if (c != '\n' && c != '\r') line_.push_back(c);
    }
  }
  void finish() {
    if (line_.empty()) return;
    if (sink_) sink_(line_);
    last_ = std::move(line_);
    line_.clear();
  }
  const std::string& last() const { return last_; }

 private:
  const LineSink& sink_;
  std::string line_;
  std::string last_;
};

// Reads once; false at the end of the stream.
bool read_some(const UniqueFd& fd, const ByteSink& sink) {
  std::array<char, 65536> buffer{};
  const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
  if (count < 0) return errno == EINTR;
  if (count == 0) return false;
  sink(std::string_view(buffer.data(), static_cast<std::size_t>(count)));
  return true;
}

void drain(UniqueFd errors, UniqueFd output, LineSplitter& lines, const ByteSink& on_stdout) {
  while (errors.is_open() || output.is_open()) {
    std::array<pollfd, 2> waits{pollfd{errors.get(), POLLIN, 0}, pollfd{output.get(), POLLIN, 0}};
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return;
    const ByteSink to_lines = [&lines](std::string_view bytes) { lines.add(bytes); };
    if (waits[0].revents != 0 && !read_some(errors, to_lines)) errors.reset();
    if (waits[1].revents != 0 && !read_some(output, on_stdout)) output.reset();
  }
  lines.finish();
}

// What to say about an end that is not exit(0); nothing for one that is.
std::optional<std::string> complaint(const std::string& program, pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return "cannot wait for " + program + ": " + std::strerror(errno);
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return std::nullopt;
  if (WIFEXITED(status)) {
    return program + " failed with exit status " + std::to_string(WEXITSTATUS(status));
  }
  return program + " was killed by signal " + std::to_string(WTERMSIG(status));
}

}  // namespace

Result<void> run_pipeline(const std::vector<std::vector<std::string>>& programs,
                          const ChildOutput& output) {
  UniqueFd input(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!input.is_open()) return fail_errno("open /dev/null");
  Pipe errors = TRY(make_pipe());
  UniqueFd last_output;
  std::vector<std::pair<std::string, pid_t>> running;
  std::optional<Error> not_started;
  for (std::size_t i = 0; i < programs.size() && !not_started; ++i) {
    const bool is_last = i + 1 == programs.size();
    Pipe next;
    if (!is_last || output.on_stdout) next = TRY(make_pipe());
    const int to = next.writer.is_open() ? next.writer.get() : errors.writer.get();
    Result<pid_t> pid = start(programs[i], input.get(), to, errors.writer.get());
    if (!pid) {
      not_started = pid.error();
    } else {
      running.emplace_back(programs[i].front(), *pid);
    }
    (is_last ? last_output : input) = std::move(next.reader);
  }
  input.reset();
  errors.writer.reset();
  LineSplitter lines(output.on_line);
  drain(std::move(errors.reader), std::move(last_output), lines, output.on_stdout);

  std::optional<std::string> first_complaint;
  for (const auto& [program, pid] : running) {
    std::optional<std::string> text = complaint(program, pid);
    if (text && !first_complaint) first_complaint = std::move(text);
  }
  if (not_started) return fail(std::move(*not_started));
  if (!first_complaint) return {};
  return fail(ErrorCode::kUnavailable,
              *first_complaint + (lines.last().empty() ? "" : ": " + lines.last()));
}

Result<void> run_program(const std::vector<std::string>& argv, const ChildOutput& output) {
  return run_pipeline({argv}, output);
}

Result<std::string> capture_program(const std::vector<std::string>& argv, const LineSink& on_line) {
  std::string captured;
  bool too_large = false;
  const ByteSink keep = [&captured, &too_large](std::string_view bytes) {
    too_large = too_large || captured.size() + bytes.size() > kCaptureLimitBytes;
    if (!too_large) captured.append(bytes);
  };
  TRY_VOID(run_program(argv, ChildOutput{on_line, keep}));
  if (too_large) return fail(ErrorCode::kTooLarge, argv.front() + " printed more than 16 MiB");
  return captured;
}

}  // namespace cloister::images
