// The body of an upload on its way to the parser of its form.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "net/http.h"
#include "net/multipart.h"

namespace cloister::api {

struct Fed {
  Result<void> result;
  bool request_failed = false;  // The error is the connection's, not the form's or the sink's.
};

// Feeds the whole body to the parser; kTooLarge beyond `limit` bytes.
Fed feed_body(net::Request& request, net::MultipartParser& parser, std::uint64_t limit);

}  // namespace cloister::api
