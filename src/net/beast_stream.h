// Lets Boost.Beast and Asio read from and write to a TimedSocket (Beast's SyncStream). For .cpp
// files only: the headers it needs are large.
#pragma once

#include <array>
#include <cstddef>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/system_executor.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include "net/timed_socket.h"

namespace cloister::net {

// The socket is not owned. `timeout` bounds each read and the stalls of each write.
class BeastStream {
 public:
  using executor_type = boost::asio::system_executor;
  using error_code = boost::system::error_code;

  BeastStream(TimedSocket& socket, Milliseconds timeout) : socket_(socket), timeout_(timeout) {}
  executor_type get_executor() const { return {}; }

  // Asks for one buffer at a time, which the concept allows.
  template <typename MutableBuffers>
  std::size_t read_some(const MutableBuffers& buffers, error_code& error) {
    error.clear();
    for (auto it = boost::asio::buffer_sequence_begin(buffers);
         it != boost::asio::buffer_sequence_end(buffers); ++it) {
      const boost::asio::mutable_buffer buffer = *it;
      if (buffer.size() == 0) continue;
      const auto count = socket_.read_some({static_cast<char*>(buffer.data()), buffer.size()},
                                           std::chrono::steady_clock::now() + timeout_);
      if (!count) return failed(count.error(), error);
      if (*count == 0) error = boost::asio::error::eof;
      return *count;
    }
    return 0;
  }

  template <typename ConstBuffers>
  std::size_t write_some(const ConstBuffers& buffers, error_code& error) {
    error.clear();
    std::array<iovec, kMaxPieces> pieces{};
    std::size_t used = 0;
    std::size_t size = 0;
    for (auto it = boost::asio::buffer_sequence_begin(buffers);
         it != boost::asio::buffer_sequence_end(buffers) && used < kMaxPieces; ++it) {
      const boost::asio::const_buffer buffer = *it;
      // iovec has no const form; sendmsg does not write.
      pieces[used++] = {const_cast<void*>(buffer.data()), buffer.size()};
      size += buffer.size();
    }
    const auto written = socket_.write_all(std::span(pieces).first(used), timeout_);
    if (!written) return failed(written.error(), error);
    return size;
  }

  template <typename MutableBuffers>
  std::size_t read_some(const MutableBuffers& buffers) {
    error_code error;
    const std::size_t count = read_some(buffers, error);
    if (error) throw boost::system::system_error(error);
    return count;
  }
  template <typename ConstBuffers>
  std::size_t write_some(const ConstBuffers& buffers) {
    error_code error;
    const std::size_t count = write_some(buffers, error);
    if (error) throw boost::system::system_error(error);
    return count;
  }

 private:
  static constexpr std::size_t kMaxPieces = 16;

  static std::size_t failed(const Error& reason, error_code& error) {
    switch (reason.code) {
      case ErrorCode::kDeadlineExceeded:
        error = boost::asio::error::timed_out;
        break;
      case ErrorCode::kCancelled:
        error = boost::asio::error::connection_reset;
        break;
      default:
        error = boost::system::error_code(reason.system_errno, boost::system::system_category());
    }
    return 0;
  }

  TimedSocket& socket_;
  Milliseconds timeout_;
};

}  // namespace cloister::net
