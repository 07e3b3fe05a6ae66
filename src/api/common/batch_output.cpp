#include "api/common/batch_output.h"

namespace cloister::api {

void BatchOutput::on_output(engine::Stream stream, std::string_view bytes) {
  const bool is_stdout = stream == engine::Stream::kStdout;
  metrics_.output_bytes(is_stdout ? "stdout" : "stderr", bytes.size());
  (is_stdout ? stdout_ : stderr_).append(bytes);
}

}  // namespace cloister::api
