// A request and its answer without a connection, for the tests of the dialects.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "net/http.h"

namespace cloister::api {

class FakeRequest final : public net::Request {
 public:
  FakeRequest(std::string method, std::string path, std::string content_type, std::string body)
      : method_(std::move(method)),
        path_(std::move(path)),
        content_type_(std::move(content_type)),
        body_(std::move(body)) {}

  std::string_view method() const override { return method_; }
  std::string_view path() const override { return path_; }
  std::string_view query() const override { return query_; }
  std::string_view header(std::string_view name) const override {
    if (name == "content-type") return content_type_;
    const auto found = headers_.find(name);
    return found == headers_.end() ? std::string_view() : std::string_view(found->second);
  }
  bool has_header(std::string_view name) const override { return !header(name).empty(); }
  const std::vector<std::string>& parameters() const override { return parameters_; }
  std::string_view id() const override { return "request-1"; }
  Result<std::size_t> read_body(std::span<char> buffer) override {
    // In small pieces, so that every border inside a form is met.
    const std::size_t count = std::min({buffer.size(), body_.size() - read_, std::size_t{7}});
    std::copy_n(body_.data() + read_, count, buffer.data());
    read_ += count;
    return count;
  }
  Result<std::string> read_whole_body(std::size_t limit_bytes) override {
    if (body_.size() > limit_bytes) return fail(ErrorCode::kTooLarge, "too large");
    return body_;
  }
  int hangup_fd() const override { return -1; }
  std::string base_url() const override { return "http://localhost"; }

  void set_parameters(std::vector<std::string> parameters) { parameters_ = std::move(parameters); }
  void set_query(std::string query) { query_ = std::move(query); }
  // `name` in lower case.
  void set_header(std::string name, std::string value) {
    headers_[std::move(name)] = std::move(value);
  }

 private:
  const std::string method_;
  const std::string path_;
  const std::string content_type_;
  const std::string body_;
  std::string query_;
  std::map<std::string, std::string, std::less<>> headers_;
  std::size_t read_ = 0;
  std::vector<std::string> parameters_;
};

class FakeResponse final : public net::Response {
 public:
  Result<void> send(int status, const net::Headers& headers, std::string_view body) override {
    status_ = status;
    headers_ = headers;
    body_ = body;
    return {};
  }
  Result<void> send_file(int status, const net::Headers& headers, int fd,
                         std::uint64_t size) override {
    std::string bytes(size, '\0');
    const ssize_t count = ::read(fd, bytes.data(), bytes.size());
    bytes.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return send(status, headers, bytes);
  }
  Result<void> begin_stream(int status, const net::Headers& headers) override {
    return send(status, headers, {});
  }
  Result<void> write(std::string_view bytes) override {
    if (client_is_gone_) return fail(ErrorCode::kCancelled, "gone");
    body_ += bytes;
    return {};
  }
  Result<void> end_stream() override {
    ended_ = true;
    return {};
  }
  bool is_started() const override { return status_ != 0; }

  int status() const { return status_; }
  const std::string& body() const { return body_; }
  const net::Headers& headers() const { return headers_; }
  // Empty when there is none.
  std::string header(std::string_view name) const {
    for (const auto& [key, value] : headers_) {
      if (key == name) return value;
    }
    return {};
  }
  bool ended() const { return ended_; }
  void lose_client() { client_is_gone_ = true; }

 private:
  int status_ = 0;
  net::Headers headers_;
  std::string body_;
  bool ended_ = false;
  bool client_is_gone_ = false;
};

}  // namespace cloister::api
