// The answers of this dialect, and the one place where errors become statuses.
#pragma once

#include <cstdint>
#include <vector>

#include "api/common/answer.h"
#include "api/common/json_request.h"
#include "api/onyx/onyx.h"
#include "base/error.h"

namespace cloister::api::onyx {

// An error of the engine. kInternal and other surprises do not show their text to the client.
Answer error_answer(const Error& error, const OnyxOptions& options);

// An error of reading the request's body.
Answer body_error_answer(const Error& error, const OnyxOptions& options);

// [{"path","kind","file_id"}]
Json output_files_json(const std::vector<engine::OutputFile>& files);
// Null when the run timed out.
Json exit_code_json(const engine::RunOutcome& outcome);
std::int64_t duration_ms(const engine::RunOutcome& outcome);

}  // namespace cloister::api::onyx
