// The handlers of the dialect's routes, one method each.
#pragma once

#include <string>
#include <string_view>

#include "api/librechat/answer.h"
#include "api/librechat/exec_request.h"
#include "api/librechat/librechat.h"
#include "api/librechat/programmatic_request.h"
#include "api/librechat/transcripts.h"
#include "api/librechat/upload.h"

namespace cloister::api::librechat {

// One request of a known caller.
struct Call {
  net::Request& request;
  net::Response& response;
  const std::string& tenant;
};

// Thread safe. Owns its options; the services are referred to.
class Handlers {
 public:
  Handlers(const LibreChatServices& services, const LibreChatOptions& options);

  using Method = void (Handlers::*)(const Call&) const;
  using JsonMethod = void (Handlers::*)(const Call&, const Json&) const;

  // handlers.cpp: what stands before a handler. Refuses callers without a key.
  void run(Method method, net::Request& request, net::Response& response) const;
  // The same for a route with a JSON body. What is not JSON is refused before the key is looked at.
  void run(JsonMethod method, net::Request& request, net::Response& response) const;
  // For routes that everybody may ask.
  void run_open(Method method, net::Request& request, net::Response& response) const;
  void preflight(net::Request& request, net::Response& response) const;
  // True when the caller has a key and the path's first parameter is one of its sessions.
  bool knows_session(const net::Request& request) const;
  bool allows_pages() const { return options_.cors && !authenticator_.is_off(); }

  // exec_handlers.cpp
  void exec(const Call& call, const Json& body) const;
  // programmatic_handlers.cpp
  void exec_programmatic(const Call& call, const Json& body) const;
  void cancel_programmatic(const Call& call, const Json& body) const;
  // file_handlers.cpp
  void list_files(const Call& call) const;
  void download(const Call& call) const;
  void probe(const Call& call) const;
  void delete_file(const Call& call) const;
  // upload_handlers.cpp
  void upload(const Call& call) const;
  void upload_batch(const Call& call) const;
  void proxy_upload(const Call& call) const;
  // run_handlers.cpp
  void proxy_run(const Call& call, const Json& body) const;
  // session_handlers.cpp
  void proxy_list_sessions(const Call& call) const;
  void proxy_delete_session(const Call& call) const;
  void proxy_health(const Call& call) const;
  // proxy_file_handlers.cpp
  void proxy_list_files(const Call& call) const;
  void proxy_download(const Call& call) const;
  void proxy_delete_file(const Call& call) const;

 private:
  Outcome<Json> read_json(net::Request& request, bool is_known) const;
  // Sends the failure and logs it.
  void refuse(const Call& call, const Error& error,
              std::string_view hidden = "Internal server error") const;
  // The session that the hint stands for, and whether it exists already.
  Result<bool> exists(const std::string& tenant, const std::string& session_id) const;
  Result<engine::SessionFile> find_file(const Call& call) const;
  void send_file(const Call& call, const engine::SessionFile& file, net::Headers extra) const;

  Outcome<UploadedForm> receive_form(const Call& call, const UploadRules& rules) const;

  Outcome<engine::SessionExecution> tool_execution(const Call& call,
                                                   const ProgrammaticBody& body) const;
  Result<engine::ToolRunState> run_tools(const Call& call, ProgrammaticBody& body,
                                         engine::SessionExecution execution) const;
  Answer tools_answer(const Call& call, const Result<engine::ToolRunState>& state,
                      Milliseconds timeout, bool with_inherited) const;

  const LibreChatServices services_;
  const LibreChatOptions options_;
  const Authenticator authenticator_;
  mutable Transcripts transcripts_;
};

}  // namespace cloister::api::librechat
