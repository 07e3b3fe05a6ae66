// Arbitrary bytes as the JSON body of a request: decoded within the bounds, or refused in the form
// of the dialect.
#include <string>

#include "api/common/json_body.h"
#include "api/onyx/requests.h"
#include "base/utf8.h"
#include "fuzz.h"

using cloister::fuzz::require;
namespace onyx = cloister::api::onyx;

namespace {

void check_refusal(const cloister::api::Refusal& refusal) {
  require(refusal.status == 400 || refusal.status == 422, "a refusal is the client's fault");
  require(cloister::is_valid_utf8(refusal.body), "an answer is valid text");
  // The parser of requests bounds nesting, and an answer wraps what it echoes: hence the library's.
  require(cloister::api::Json::accept(refusal.body), "an answer is JSON");
  require(refusal.body.starts_with(R"({"detail":)"), "an answer says what was wrong");
}

void check_files(const std::vector<cloister::engine::InputFile>& files) {
  for (const auto& file : files)
    require(cloister::is_valid_utf8(file.path), "a path is valid text");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string body(cloister::fuzz::as_text(data + 1, size - 1));
  const char* type = (data[0] & 0x80) == 0 ? "application/json" : "text/plain";
  switch (data[0] % 3) {
    case 0: {
      const auto decoded = onyx::decode_execute(type, body);
      if (!decoded) return check_refusal(decoded.error()), 0;
      require(decoded->timeout_ms >= 1, "a time-out is positive");
      require(cloister::is_valid_utf8(decoded->code), "a program is valid text");
      check_files(decoded->files);
      return 0;
    }
    case 1: {
      const auto decoded = onyx::decode_session(type, body);
      if (!decoded) return check_refusal(decoded.error()), 0;
      require(decoded->ttl_seconds >= 1 && decoded->ttl_seconds <= 86400, "a day at most");
      check_files(decoded->files);
      return 0;
    }
    default: {
      const auto decoded = onyx::decode_bash(type, body);
      if (!decoded) return check_refusal(decoded.error()), 0;
      require(decoded->timeout_ms >= 1, "a time-out is positive");
      return 0;
    }
  }
}
