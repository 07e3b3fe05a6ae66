// The media type of a file by the ending of its name.
#pragma once

#include <string_view>

namespace cloister::api::librechat {

// "application/octet-stream" for an ending that is not known. Letter case does not matter.
std::string_view content_type_of(std::string_view path);

// "csv" for "a/b.CSV" as written; empty when the last part of the path has no ending.
std::string_view ending_of(std::string_view path);

}  // namespace cloister::api::librechat
