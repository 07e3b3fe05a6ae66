// Ids and file names that come from clients.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace cloister::api::librechat {

// 1 to 128 characters of [A-Za-z0-9_-].
bool is_id(std::string_view text);

inline constexpr std::size_t kNameCharactersMax = 256;
inline constexpr std::size_t kNameDepthMax = 10;

// A place below the working directory that a client chose for a file: at most kNameCharactersMax
// characters in kNameDepthMax parts, none of them empty, "." or "..". A leading "./" or the name of
// the directory itself ("/mnt/data/") is taken off. kInvalidArgument, with a message for the
// client.
Result<std::string> workspace_name(std::string_view name);

// The name under which an upload is kept: as sent, with folders, when that is safe; else its last
// part, without what makes it unsafe. Never empty.
std::string upload_name(std::string_view filename);

// The last part of a path.
std::string_view base_name(std::string_view path);

// The id of the session that stands for LibreChat's hint of a live workspace: the same one for the
// same hint, 21 characters like an issued one.
std::string session_id_of_hint(std::string_view hint);

// The decoded value of a parameter of a query; nothing when it is absent.
std::optional<std::string> query_parameter(std::string_view query, std::string_view name);

}  // namespace cloister::api::librechat
