// The handlers of the Onyx dialect's routes, one method each.
#pragma once

#include <string>

#include <tl/expected.hpp>

#include "api/onyx/answer.h"
#include "api/onyx/onyx.h"
#include "api/onyx/requests.h"

namespace cloister::api::onyx {

// Thread safe. Owns its options; the services are referred to.
class Handlers {
 public:
  Handlers(const OnyxServices& services, const OnyxOptions& options)
      : services_(services), options_(options) {}

  // execute_handlers.cpp
  void execute(net::Request& request, net::Response& response) const;
  void execute_stream(net::Request& request, net::Response& response) const;

  // file_handlers.cpp
  void upload_file(net::Request& request, net::Response& response) const;
  void download_file(net::Request& request, net::Response& response) const;
  void list_files(net::Request& request, net::Response& response) const;
  void delete_file(net::Request& request, net::Response& response) const;

  // session_handlers.cpp
  void create_session(net::Request& request, net::Response& response) const;
  void delete_session(net::Request& request, net::Response& response) const;
  void session_bash(net::Request& request, net::Response& response) const;

 private:
  template <typename T>
  using Outcome = tl::expected<T, Answer>;

  Outcome<std::string> read_body(net::Request& request) const;
  // The body by the schema and the bound on its time-out, or the answer that refuses it.
  Outcome<engine::ExecutionRequest> read_execution(net::Request& request) const;
  Outcome<void> check_timeout(std::int64_t timeout_ms) const;
  Outcome<engine::FileRecord> receive_upload(net::Request& request) const;

  const OnyxServices services_;
  const OnyxOptions options_;
};

}  // namespace cloister::api::onyx
