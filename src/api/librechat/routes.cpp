#include <memory>
#include <utility>

#include "api/librechat/handlers.h"

namespace cloister::api::librechat {
namespace {

using Shared = std::shared_ptr<const Handlers>;

// Adds routes under one prefix, each with the answer to a browser's question whether it may be
// asked.
class RouteTable {
 public:
  RouteTable(net::Router& router, std::string prefix, Shared handlers)
      : router_(router), prefix_(std::move(prefix)), handlers_(std::move(handlers)) {}

  template <typename Method>
  void add(std::string_view verb, std::string_view pattern, Method method) {
    put(verb, pattern,
        [handlers = handlers_, method](net::Request& request, net::Response& response) {
          handlers->run(method, request, response);
        });
  }
  void add_open(std::string_view verb, std::string_view pattern, Handlers::Method method) {
    put(verb, pattern,
        [handlers = handlers_, method](net::Request& request, net::Response& response) {
          handlers->run_open(method, request, response);
        });
  }
  // The list of a session's files shares its path with one file of another dialect. Whoever has no
  // key gets the other dialect's answer, and learns nothing about sessions.
  void add_list_of_files() {
    constexpr std::string_view kPattern = "/files/{session_id}";
    net::Handler others = router_.take("GET", prefix_ + std::string(kPattern));
    if (!others) return add("GET", kPattern, &Handlers::list_files);
    router_.add("GET", prefix_ + std::string(kPattern),
                [handlers = handlers_, others = std::move(others)](net::Request& request,
                                                                   net::Response& response) {
                  if (!handlers->knows_session(request)) return others(request, response);
                  handlers->run(&Handlers::list_files, request, response);
                });
  }

 private:
  void put(std::string_view verb, std::string_view pattern, net::Handler handler) {
    const std::string path = prefix_ + std::string(pattern);
    router_.add(verb, path, std::move(handler));
    if (!handlers_->allows_pages() || router_.match("OPTIONS", path).handler != nullptr) return;
    router_.add("OPTIONS", path,
                [handlers = handlers_](net::Request& request, net::Response& response) {
                  handlers->preflight(request, response);
                });
  }

  net::Router& router_;
  const std::string prefix_;
  const Shared handlers_;
};

void add_librechat(RouteTable routes) {
  routes.add("POST", "/exec", &Handlers::exec);
  routes.add("POST", "/exec/programmatic", &Handlers::exec_programmatic);
  routes.add("POST", "/exec/programmatic/cancel", &Handlers::cancel_programmatic);
  routes.add_list_of_files();
  routes.add("GET", "/download/{session_id}/{file_id}", &Handlers::download);
  routes.add("POST", "/upload", &Handlers::upload);
  routes.add("POST", "/upload/batch", &Handlers::upload_batch);
  routes.add("GET", "/sessions/{session_id}/objects/{file_id}", &Handlers::probe);
  routes.add("DELETE", "/sessions/{session_id}/objects/{file_id}", &Handlers::delete_file);
  routes.add("DELETE", "/files/{session_id}/{file_id}", &Handlers::delete_file);
}

void add_proxy(RouteTable routes) {
  routes.add("POST", "/runs", &Handlers::proxy_run);
  routes.add("GET", "/sessions", &Handlers::proxy_list_sessions);
  routes.add("DELETE", "/sessions/{session_id}", &Handlers::proxy_delete_session);
  routes.add("POST", "/files", &Handlers::proxy_upload);
  routes.add("GET", "/files", &Handlers::proxy_list_files);
  routes.add("GET", "/files/{file_id}", &Handlers::proxy_download);
  routes.add("DELETE", "/files/{file_id}", &Handlers::proxy_delete_file);
  routes.add_open("GET", "/health", &Handlers::proxy_health);
}

}  // namespace

void add_routes(net::Router& router, const std::vector<std::string>& prefixes,
                const LibreChatServices& services, const LibreChatOptions& options) {
  const auto handlers = std::make_shared<const Handlers>(services, options);
  for (const std::string& prefix : prefixes)
    add_librechat(RouteTable(router, prefix, handlers));
  add_proxy(RouteTable(router, options.api_prefix, handlers));
}

}  // namespace cloister::api::librechat
