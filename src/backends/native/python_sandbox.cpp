#include "backends/native/python_sandbox.h"

#include "backends/native/program_file.h"
#include "backends/native/program_io.h"
#include "os/memfd.h"
#include "os/message_io.h"
#include "os/unix_message.h"

namespace cloister::backends::native {
namespace {

constexpr Milliseconds kQuietLimit{10000};

}  // namespace

PythonSandbox::PythonSandbox(SandboxPool::Lease lease, const RunLimits& limits, const Clock& clock)
    : LeasedSandbox(std::move(lease), clock), limits_(limits) {}

Result<void> PythonSandbox::send_program(const engine::PythonProgram& program,
                                         std::uint32_t cpu_seconds) {
  const ProgramFile file = TRY(make_program_file(program, cpu_seconds));
  const UniqueFd memory = TRY(os::make_sealed_memfd("program", file.bytes));
  const int passed[] = {memory.get()};
  const int error =
      os::send_message(handle().program.get(), &file.request, sizeof file.request, passed);
  if (error != 0) return fail_errno("send the program to its interpreter", error);
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
  // What is left of it afterwards is the channel, for as long as this run takes.
  UniqueFd channel;
  const auto sent = send_program(*program, limits_.cpu_seconds(spec.cpu_seconds));
  if (program->tools) channel = std::move(ends.program);
  ends.program.reset();
  TRY_VOID(sent);
  observer.on_started();
  bool killing = false;
  const auto kill = [&] {
    if (killing) return;
    killing = true;
    // An init that cannot be reached is gone, and the program with it.
    if (!ends.kill_all()) ends.terminate();
  };
  ProgramIo io({&ends.standard_in, ends.standard_out.get(), ends.standard_error.get(),
                ends.status.get(), nullptr, channel.get()},
               cancellation, observer, clock(), kill);
  auto outcome = io.run({spec.stdin_bytes, {}}, spec.timeout);
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
