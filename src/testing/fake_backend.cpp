#include "testing/fake_backend.h"

#include <poll.h>

#include <utility>

#include "testing/memory_file.h"

namespace cloister::fakes {

std::map<std::string, std::string> FakeWorkspace::files() const {
  const std::lock_guard lock(mutex_);
  return files_;
}

void FakeWorkspace::write(std::string path, std::string bytes, bool is_executable) {
  const std::lock_guard lock(mutex_);
  if (is_executable) {
    executables_.insert(path);
  } else {
    executables_.erase(path);
  }
  files_.insert_or_assign(std::move(path), std::move(bytes));
}

bool FakeWorkspace::is_executable(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  return executables_.contains(path);
}

void FakeWorkspace::set_left_out(std::size_t count) {
  const std::lock_guard lock(mutex_);
  left_out_ = count;
}

std::size_t FakeWorkspace::left_out() const {
  const std::lock_guard lock(mutex_);
  return left_out_;
}

void FakeWorkspace::erase(const std::string& path) {
  const std::lock_guard lock(mutex_);
  files_.erase(path);
}

void FakeWorkspace::kill() {
  const std::lock_guard lock(mutex_);
  alive_ = false;
  killed_.notify_all();
}

bool FakeWorkspace::is_alive() const {
  const std::lock_guard lock(mutex_);
  return alive_;
}

void FakeWorkspace::wait_until_killed() const {
  std::unique_lock lock(mutex_);
  killed_.wait(lock, [this] { return !alive_; });
}

std::string_view FakeProgramContext::code() const {
  if (const auto* python = std::get_if<engine::PythonProgram>(&spec.program)) return python->code;
  if (const auto* warm = std::get_if<engine::WarmProgram>(&spec.program)) return warm->message;
  const auto& command = std::get<engine::CommandProgram>(spec.program);
  return command.argv.empty() ? std::string_view() : std::string_view(command.argv.back());
}

std::vector<std::string> FakeProgramContext::argv() const {
  const auto* command = std::get_if<engine::CommandProgram>(&spec.program);
  return command == nullptr ? std::vector<std::string>() : command->argv;
}

bool FakeProgramContext::wait_until_hung_up() const {
  pollfd watched{cancellation.hangup_fd, POLLRDHUP, 0};
  return ::poll(&watched, 1, 10'000) > 0;
}

engine::RunOutcome exited(int exit_code) {
  engine::RunOutcome outcome;
  outcome.exit_code = exit_code;
  outcome.duration = Microseconds(1000);
  return outcome;
}

namespace {

Result<engine::RunOutcome> echo_code(FakeProgramContext& context) {
  if (!context.code().empty()) {
    context.observer.on_output(engine::Stream::kStdout, context.code());
  }
  return exited(0);
}

}  // namespace

struct FakeBackend::State {
  explicit State(FakeProgram given) : program(std::move(given)) {}

  const FakeProgram program;

  mutable std::mutex mutex;
  // Guarded by mutex:
  std::optional<Error> acquire_error;
  std::optional<Error> stage_error;
  std::optional<Error> check_error;
  std::optional<Error> visit_error;
  std::string image_digest = "sha256:fake";
  engine::SandboxSpec last_spec;
  std::string last_python_code;
  std::size_t acquired = 0;
  std::size_t existing = 0;
  std::shared_ptr<FakeWorkspace> last_workspace;
  std::optional<engine::SandboxKind> last_kind;
};

class FakeBackend::FakeSandbox final : public engine::Sandbox {
 public:
  FakeSandbox(std::shared_ptr<State> state, std::shared_ptr<FakeWorkspace> workspace,
              engine::SandboxKind kind)
      : state_(std::move(state)), workspace_(std::move(workspace)), kind_(kind) {}

  ~FakeSandbox() override {
    workspace_->kill();
    const std::lock_guard lock(state_->mutex);
    --state_->existing;
  }

  Result<void> stage(std::vector<engine::StagedFile> files) override {
    {
      const std::lock_guard lock(state_->mutex);
      if (state_->stage_error) return fail(*state_->stage_error);
    }
    put(*workspace_, files);
    return {};
  }

  Result<void> stage_program(std::vector<engine::StagedFile> files) override {
    if (kind_ != engine::SandboxKind::kCommandRun) return Sandbox::stage_program(std::move(files));
    put(program_, files);
    return {};
  }

  Result<engine::RunOutcome> run(const engine::RunSpec& spec,
                                 const engine::Cancellation& cancellation,
                                 engine::RunObserver& observer) override {
    if (!workspace_->is_alive()) return fail(ErrorCode::kInternal, "The sandbox has ended.");
    observer.on_started();
    FakeProgramContext context{spec, cancellation, observer, *workspace_, program_};
    auto outcome = state_->program(context);
    if (kind_ == engine::SandboxKind::kPythonRun) workspace_->kill();
    return outcome;
  }

  Result<void> visit_files(const std::function<Result<void>(engine::FoundFile)>& visitor) override {
    {
      const std::lock_guard lock(state_->mutex);
      if (state_->visit_error) return fail(*state_->visit_error);
    }
    return visit(*workspace_, visitor);
  }

  std::size_t files_left_out() const override { return workspace_->left_out(); }

  Result<void> visit_program(
      const std::function<Result<void>(engine::FoundFile)>& visitor) override {
    if (kind_ != engine::SandboxKind::kCommandRun) return Sandbox::visit_program(visitor);
    return visit(program_, visitor);
  }

  void terminate() override { workspace_->kill(); }
  bool is_alive() const override { return workspace_->is_alive(); }

 private:
  static void put(FakeWorkspace& directory, const std::vector<engine::StagedFile>& files) {
    for (const engine::StagedFile& file : files)
      directory.write(file.path, read_file(file.source.get()), file.is_executable);
  }

  static Result<void> visit(const FakeWorkspace& directory,
                            const std::function<Result<void>(engine::FoundFile)>& visitor) {
    for (const auto& [path, bytes] : directory.files()) {
      TRY_VOID(visitor({path, memory_file(bytes), bytes.size(), directory.is_executable(path)}));
    }
    return {};
  }

  const std::shared_ptr<State> state_;
  const std::shared_ptr<FakeWorkspace> workspace_;
  FakeWorkspace program_;
  const engine::SandboxKind kind_;
};

FakeBackend::FakeBackend(FakeProgram program)
    : state_(std::make_shared<State>(program ? std::move(program) : FakeProgram(echo_code))) {}

Result<std::unique_ptr<engine::Sandbox>> FakeBackend::acquire(
    const engine::SandboxSpec& spec, const engine::Cancellation& /*cancellation*/) {
  const std::lock_guard lock(state_->mutex);
  if (state_->acquire_error) return fail(*state_->acquire_error);
  ++state_->acquired;
  ++state_->existing;
  state_->last_workspace = std::make_shared<FakeWorkspace>();
  state_->last_kind = spec.kind;
  state_->last_python_code = spec.python_code;
  state_->last_spec = spec;
  state_->last_spec.python_code = {};
  return std::make_unique<FakeSandbox>(state_, state_->last_workspace, spec.kind);
}

engine::BackendStatus FakeBackend::status() const {
  const std::lock_guard lock(state_->mutex);
  engine::BackendStatus status;
  status.name = "fake";
  status.usable = !state_->check_error;
  if (state_->check_error) status.message = state_->check_error->message;
  status.network_isolation = "none";
  status.image_digest = state_->image_digest;
  status.sandboxes_running = state_->existing;
  return status;
}

Result<void> FakeBackend::check(Milliseconds /*limit*/) {
  const std::lock_guard lock(state_->mutex);
  if (state_->check_error) return fail(*state_->check_error);
  return {};
}

void FakeBackend::fail_acquire(std::optional<Error> error) {
  const std::lock_guard lock(state_->mutex);
  state_->acquire_error = std::move(error);
}

void FakeBackend::set_image_digest(std::string digest) {
  const std::lock_guard lock(state_->mutex);
  state_->image_digest = std::move(digest);
}

void FakeBackend::fail_visit(std::optional<Error> error) {
  const std::lock_guard lock(state_->mutex);
  state_->visit_error = std::move(error);
}

void FakeBackend::fail_stage(std::optional<Error> error) {
  const std::lock_guard lock(state_->mutex);
  state_->stage_error = std::move(error);
}

void FakeBackend::fail_check(std::optional<Error> error) {
  const std::lock_guard lock(state_->mutex);
  state_->check_error = std::move(error);
}

std::size_t FakeBackend::acquired() const {
  const std::lock_guard lock(state_->mutex);
  return state_->acquired;
}

std::size_t FakeBackend::existing() const {
  const std::lock_guard lock(state_->mutex);
  return state_->existing;
}

std::shared_ptr<FakeWorkspace> FakeBackend::last_workspace() const {
  const std::lock_guard lock(state_->mutex);
  return state_->last_workspace;
}

std::optional<engine::SandboxKind> FakeBackend::last_kind() const {
  const std::lock_guard lock(state_->mutex);
  return state_->last_kind;
}

engine::SandboxSpec FakeBackend::last_spec() const {
  const std::lock_guard lock(state_->mutex);
  return state_->last_spec;
}

std::string FakeBackend::last_python_code() const {
  const std::lock_guard lock(state_->mutex);
  return state_->last_python_code;
}

}  // namespace cloister::fakes
