#include "backends/native/python_sandbox.h"

#include "backends/native/program_io.h"
#include "os/memfd.h"
#include "os/message_io.h"
#include "os/unix_message.h"

namespace cloister::backends::native {
namespace {

constexpr Milliseconds kQuietLimit{10000};

}  // namespace

PythonSandbox::PythonSandbox(SandboxPool::Lease lease, const Clock& clock)
    : LeasedSandbox(std::move(lease), clock) {}

Result<void> PythonSandbox::send_program(const engine::PythonProgram& program) {
  const UniqueFd text = TRY(os::make_sealed_memfd("program", program.code));
  sandbox::ProgramRequest request;
  request.size = program.code.size();
  if (program.last_line_interactive) {
    request.flags |= static_cast<std::uint32_t>(sandbox::ProgramFlag::kLastLineInteractive);
  }
  const int passed[] = {text.get()};
  SandboxHandle& ends = handle();
  const int error = os::send_message(ends.program.get(), &request, sizeof request, passed);
  if (error != 0) return fail_errno("send the program to its interpreter", error);
  ends.program.reset();
  return {};
}

Result<engine::RunOutcome> PythonSandbox::run(const engine::RunSpec& spec,
                                              const engine::Cancellation& cancellation,
                                              engine::RunObserver& observer) {
  const auto* program = std::get_if<engine::PythonProgram>(&spec.program);
  SandboxHandle& ends = handle();
  if (program == nullptr || !ends.program.is_open()) {
    return fail(ErrorCode::kUnsupported, "this sandbox runs one Python program");
  }
  TRY_VOID(send_program(*program));
  observer.on_started();
  bool killing = false;
  const auto kill = [&] {
    if (killing) return;
    killing = true;
    // An init that cannot be reached is gone, and the program with it.
    if (!ends.kill_all()) ends.terminate();
  };
  ProgramIo io(
      {&ends.standard_in, ends.standard_out.get(), ends.standard_error.get(), ends.status.get()},
      cancellation, observer, clock(), kill);
  auto outcome = io.run(spec.stdin_bytes, spec.timeout);
  // What the program left behind goes too, also after an ordinary end.
  kill();
  const auto quiet = ends.wait_until_quiet(kQuietLimit);
  if (!quiet) ends.terminate();
  io.drain(true);
  if (!outcome) return outcome;
  if (!quiet) return fail(quiet.error());
  outcome->out_of_memory = ends.oom_kills() > 0;
  return outcome;
}

}  // namespace cloister::backends::native
