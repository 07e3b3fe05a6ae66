// A Backend whose programs are functions of the test.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "engine/backend.h"

namespace cloister::fakes {

// What all parts of one fake sandbox share. Thread safe.
class FakeWorkspace {
 public:
  std::map<std::string, std::string> files() const;
  void write(std::string path, std::string bytes);
  void erase(const std::string& path);

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
  bool alive_ = true;
};

// What a program of a test sees.
struct FakeProgramContext {
  const engine::RunSpec& spec;
  const engine::Cancellation& cancellation;
  engine::RunObserver& observer;  // on_started() has been called.
  FakeWorkspace& workspace;

  // The code of a PythonProgram, or the last argument of a CommandProgram.
  std::string_view code() const;
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

  // From now on acquire(), stage(), check() fail with this; nullopt ends it.
  void fail_acquire(std::optional<Error> error);
  void fail_stage(std::optional<Error> error);
  void fail_check(std::optional<Error> error);

  std::size_t acquired() const;  // How often acquire() succeeded.
  std::size_t existing() const;  // Sandbox objects that are not yet destroyed.
  // Of the sandbox that was acquired last; null before the first one.
  std::shared_ptr<FakeWorkspace> last_workspace() const;
  std::optional<engine::SandboxKind> last_kind() const;

 private:
  struct State;
  class FakeSandbox;
  const std::shared_ptr<State> state_;
};

}  // namespace cloister::fakes
