// A Backend whose programs are functions of the test.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/backend.h"

namespace cloister::fakes {

// What all parts of one fake sandbox share. Thread safe.
class FakeWorkspace {
 public:
  std::map<std::string, std::string> files() const;
  void write(std::string path, std::string bytes, bool is_executable = false);
  void erase(const std::string& path);
  bool is_executable(const std::string& path) const;
  // What Sandbox::files_left_out() is to say.
  void set_left_out(std::size_t count);
  std::size_t left_out() const;

  // Ends the sandbox, as its death or terminate() does.
  void kill();
  bool is_alive() const;
  // Waits until the sandbox is ended: a program that runs for ever.
  void wait_until_killed() const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable killed_;
  // Guarded by mutex_:
  std::map<std::string, std::string> files_;
  std::set<std::string> executables_;
  std::size_t left_out_ = 0;
  bool alive_ = true;
};

// What a program of a test sees.
struct FakeProgramContext {
  const engine::RunSpec& spec;
  const engine::Cancellation& cancellation;
  engine::RunObserver& observer;  // on_started() has been called.
  FakeWorkspace& workspace;
  FakeWorkspace& program;  // Its files: what is in the directory for programs.

  // The code of a PythonProgram, the last argument of a CommandProgram, or the message of a
  // WarmProgram.
  std::string_view code() const;
  // The arguments of a CommandProgram; none of another.
  std::vector<std::string> argv() const;
  // Waits until the caller has hung up; false when that does not happen within ten seconds.
  bool wait_until_hung_up() const;
};

// Plays a program. Called on the thread of run(), for sessions on several at once.
using FakeProgram = std::function<Result<engine::RunOutcome>(FakeProgramContext&)>;

// An outcome for FakeProgram.
engine::RunOutcome exited(int exit_code);

// Thread safe. Sandboxes may outlive it.
class FakeBackend final : public engine::Backend {
 public:
  // The default program writes its code to stdout and exits with 0.
  explicit FakeBackend(FakeProgram program = {});

  Result<std::unique_ptr<engine::Sandbox>> acquire(
      const engine::SandboxSpec& spec, const engine::Cancellation& cancellation) override;
  engine::BackendStatus status() const override;
  Result<void> check(Milliseconds limit) override;

  void set_image_digest(std::string digest);

  // From now on acquire(), stage(), visit_files(), check() fail with this; nullopt ends it.
  void fail_acquire(std::optional<Error> error);
  void fail_visit(std::optional<Error> error);
  void fail_stage(std::optional<Error> error);
  void fail_check(std::optional<Error> error);

  std::size_t acquired() const;  // How often acquire() succeeded.
  std::size_t existing() const;  // Sandbox objects that are not yet destroyed.
  // Of the sandbox that was acquired last; null before the first one.
  std::shared_ptr<FakeWorkspace> last_workspace() const;
  std::optional<engine::SandboxKind> last_kind() const;
  // Its `python_code` is empty.
  engine::SandboxSpec last_spec() const;
  std::string last_python_code() const;

 private:
  struct State;
  class FakeSandbox;
  const std::shared_ptr<State> state_;
};

}  // namespace cloister::fakes
