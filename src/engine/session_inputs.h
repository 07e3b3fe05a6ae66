// The files that a run finds in its workspace: those of its session and, over them, those that its
// caller refers to.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "engine/backend.h"
#include "engine/session_executor.h"
#include "engine/stored_sessions.h"

namespace cloister::engine {

// A reference that was looked up, with the clean path in the workspace.
struct FoundReference {
  SessionFile file;
  std::string path;
};

struct SessionInput {
  SessionFile file;
  UniqueFd content;  // Open for reading at its beginning.
  bool is_reference = false;
};

// By clean path.
using SessionInputs = std::map<std::string, SessionInput, std::less<>>;

// Looks every reference up (kNotFound), then checks every path (kInvalidArgument). `session_id` is
// that of the run's session, which need not exist; `is_new_session`: it does not, and references
// without a session may be to any.
Result<std::vector<FoundReference>> find_references(StoredSessions& sessions,
                                                    const SessionExecution& execution,
                                                    std::string_view session_id,
                                                    bool is_new_session);

// Opens the session's current files, then the referenced ones. A later one takes the place of those
// it cannot be beside: of the same path, above it or below it. Own files whose bytes have gone
// meanwhile are left out; a reference to such gives kNotFound.
Result<SessionInputs> open_inputs(StoredSessions& sessions, std::vector<SessionFile> own_files,
                                  std::vector<FoundReference> references);

// The same files for Sandbox::stage, on descriptors of their own that share the offset.
Result<std::vector<StagedFile>> to_staged_files(const SessionInputs& inputs);

}  // namespace cloister::engine
