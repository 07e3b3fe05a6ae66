#include "backends/native/program_pipes.h"

#include <sys/stat.h>

namespace cloister::backends::native {
namespace {

Result<void> open_to_programs(const os::Pipe& pipe) {
  if (::fchmod(pipe.read_end.get(), 0666) != 0) return fail_errno("fchmod a pipe");
  return {};
}

}  // namespace

Result<os::Pipe> make_input_pipe() {
  os::Pipe pipe = TRY(os::make_pipe());
  TRY_VOID(open_to_programs(pipe));
  TRY_VOID(os::set_nonblocking(pipe.write_end.get()));
  return pipe;
}

Result<os::Pipe> make_output_pipe() {
  os::Pipe pipe = TRY(os::make_pipe());
  TRY_VOID(open_to_programs(pipe));
  TRY_VOID(os::set_nonblocking(pipe.read_end.get()));
  return pipe;
}

Result<os::Pipe> make_status_pipe() {
  os::Pipe pipe = TRY(os::make_pipe());
  TRY_VOID(os::set_nonblocking(pipe.read_end.get()));
  return pipe;
}

}  // namespace cloister::backends::native
