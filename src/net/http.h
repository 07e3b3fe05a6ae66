// HTTP/1.1 as handlers see it: a request whose body is read piece by piece, and a response that is
// sent whole, from a file, or as a stream. No HTTP library type appears here.
//
// A connection is a thread; handlers may block. Every read and write has a deadline.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace cloister::net {

using Headers = std::vector<std::pair<std::string, std::string>>;

// One request. Lives for the duration of the handler's call; used by one thread.
class Request {
 public:
  virtual ~Request() = default;
  virtual std::string_view method() const = 0;
  // The raw path before any '?', percent-encoded as sent.
  virtual std::string_view path() const = 0;
  // What follows '?', without it; may be empty.
  virtual std::string_view query() const = 0;
  // The first header of that name in any letter case; empty when absent.
  virtual std::string_view header(std::string_view name) const = 0;
  virtual bool has_header(std::string_view name) const = 0;
  // Percent-decoded segments that the route's pattern named, in order of the pattern.
  virtual const std::vector<std::string>& parameters() const = 0;
  // Unique for this request; given to logs and sent back as x-request-id.
  virtual std::string_view id() const = 0;

  // Up to `buffer.size()` bytes of the body; 0 at its end. Sends "100 Continue" first when the
  // client waits for it. kDeadlineExceeded for a client that is too slow, kCancelled for one that
  // is gone.
  virtual Result<std::size_t> read_body(std::span<char> buffer) = 0;
  // All of the body; kTooLarge beyond `limit_bytes` (what follows is left unread).
  virtual Result<std::string> read_whole_body(std::size_t limit_bytes) = 0;

  // The connection's socket, to watch for the peer's hang-up while the handler works. Not owned.
  virtual int hangup_fd() const = 0;
  // "http://host:port" as the client addressed this server, for absolute locations.
  virtual std::string base_url() const = 0;
};

// Answers one request. Exactly one of send, send_file, or begin_stream ... end_stream is to be
// used. A body that the handler left unread is drained (up to a limit and a deadline) after the
// answer, so that the client can read it before the connection is reused or closed.
class Response {
 public:
  virtual ~Response() = default;
  virtual Result<void> send(int status, const Headers& headers, std::string_view body) = 0;
  // `size` bytes of a regular file from its current offset.
  virtual Result<void> send_file(int status, const Headers& headers, int fd,
                                 std::uint64_t size) = 0;
  // Chunked transfer encoding; each write goes out at once. kCancelled when the client is gone.
  virtual Result<void> begin_stream(int status, const Headers& headers) = 0;
  virtual Result<void> write(std::string_view bytes) = 0;
  virtual Result<void> end_stream() = 0;
  virtual bool is_started() const = 0;
};

using Handler = std::function<void(Request&, Response&)>;

// Routes by method and pattern. Patterns are literal segments and {name} segments, which match one
// non-empty segment. Built before the server starts, then read-only and thread safe.
class Router {
 public:
  void add(std::string_view method, std::string_view pattern, Handler handler);

  // Takes out the route of that method and pattern, whatever its named segments are called, and
  // returns its handler, for a new one that calls it; null when there is none.
  Handler take(std::string_view method, std::string_view pattern);

  struct Match {
    const Handler* handler = nullptr;  // Null when no route fits.
    std::string route;                 // The pattern, for logs and metrics; empty if none.
    std::vector<std::string> parameters;
    std::vector<std::string> allowed_methods;  // When the path fits but the method does not.
    bool without_slash_matches = false;  // The path with its trailing slash removed would fit.
  };
  Match match(std::string_view method, std::string_view path) const;

 private:
  struct Route {
    std::string method;
    std::string pattern;
    std::vector<std::string> segments;
    Handler handler;
  };
  std::vector<Route> routes_;
};

// "%41b" -> "Ab". Invalid sequences stay as they are.
std::string percent_decode(std::string_view text);

}  // namespace cloister::net
