// The bodies of runs, decoded and checked against their schema. Fields that are not known are
// ignored.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "api/common/answer.h"
#include "api/common/object_reader.h"
#include "base/clock.h"
#include "engine/session_executor.h"

namespace cloister::api::librechat {

template <typename T>
using Outcome = tl::expected<T, Answer>;

// The files that a run refers to.
struct References {
  std::vector<engine::FileReference> files;
  // A client of generation 4 or newer wrote them: it expects its inputs back in the answer.
  bool wants_inherited = false;
  // Why one of them cannot be: the first one's, status and text. Status 0: none.
  int problem_status = 0;
  std::string problem;
};

struct ExecBody {
  std::string lang;  // As written.
  std::string code;
  std::vector<std::string> arguments;
  std::string stdin_text;
  std::string session_id;  // Empty: a new one.
  std::optional<std::int64_t> timeout;
  References references;
  std::string runtime_session_hint;
};

// POST /exec. `references_max` bounds the references; more are refused with 400.
Outcome<ExecBody> decode_exec(const Json& body, std::size_t references_max);

struct RunBody {
  std::string session_id;
  std::string language;  // One of the runtimes' names.
  std::string code;
  std::vector<std::string> arguments;
  std::optional<std::int64_t> timeout_seconds;  // 1 to 300.
  std::vector<std::string> file_ids;            // Each once.
};

// POST <api_prefix>/runs.
Outcome<RunBody> decode_run(const Json& body, std::size_t files_max);

// The references in the field "files" of `reader`'s object.
References read_references(ObjectReader& reader, std::size_t references_max);

// The time of a run: below 1000 `timeout` is in seconds, else in milliseconds; one second at least
// and `most` at most, which is also what no timeout means.
Milliseconds run_timeout(std::optional<std::int64_t> timeout, Milliseconds most);

}  // namespace cloister::api::librechat
