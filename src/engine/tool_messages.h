// The messages between a program with tools and the server, as JSON text.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/tool_runs.h"

namespace cloister::engine {

// A call as the program sent it.
struct ProgramCall {
  std::uint64_t id = 0;
  std::string name;
  std::string input_json;
};

// The names in the text that a program's tools are given with: {"tools":[{"name":...},...]}.
// kInvalidArgument for another text.
Result<std::set<std::string, std::less<>>> parse_tool_names(std::string_view tools_json);

// A program's message: {"calls":[{"id":1,"name":"...","input":{...}},...]} with one call at least
// and nothing else. It is in the hands of the program: kInvalidArgument for any other form, for
// deep nesting and for more values than a batch of calls has use for.
Result<std::vector<ProgramCall>> parse_tool_calls(std::string_view message);

// The answer to a batch whose first call has the id `first_id`: the results in the order of the
// calls. kInvalidArgument when a result is no JSON.
Result<std::string> format_tool_results(std::uint64_t first_id,
                                        std::span<const ToolResult* const> results);

// "call_001"
std::string format_call_id(std::uint64_t id);

}  // namespace cloister::engine
