// The body of a request as a JSON object, or the answer that refuses it.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "api/common/schema_errors.h"

namespace cloister::api {

// Why a body could not be decoded: the status and the whole JSON answer, {"detail":...}.
struct Refusal {
  int status = 422;
  std::string body;
};

template <typename T>
using Decoded = tl::expected<T, Refusal>;

// What speaks against a body. No schema errors: it is not text at all.
struct BodyProblem {
  SchemaErrors errors;
  bool is_syntax = false;  // Not JSON, as opposed to JSON that is no object.
};

inline constexpr std::string_view kUnreadableBody = "There was an error parsing the body";

// `content_type` is the header as sent: only application/json and application/*+json are parsed as
// JSON. That is also what keeps a web page elsewhere from posting programs to a server on the
// reader's own machine, since browsers ask before they send such a type to another origin.
tl::expected<Json, BodyProblem> read_object(std::string_view content_type, const std::string& body);
// The same, with the answer made: 422, or 400 for what is not text.
Decoded<Json> decode_object(std::string_view content_type, const std::string& body);

}  // namespace cloister::api
