// Messages with descriptors over SOCK_SEQPACKET sockets. Post-fork safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/unique_fd.h"

namespace cloister::os {

inline constexpr std::size_t kMaxDescriptors = 16;  // In one message.

struct ReceivedMessage {
  std::size_t size = 0;  // Bytes; 0 means that the peer has closed.
  std::size_t descriptor_count = 0;
  // Close-on-exec. Owned by the caller; close_all() or take() every one.
  std::array<int, kMaxDescriptors> descriptors{};

  void close_all();
  // Moves the descriptor at `index` out; an empty one when there are fewer.
  UniqueFd take(std::size_t index);
};

// Sends one whole message. Returns 0 or an errno value; never raises SIGPIPE.
int send_message(int socket, const void* data, std::size_t size, std::span<const int> descriptors,
                 int flags = 0);

// Receives one whole message. A truncated message or truncated descriptors give EMSGSIZE and close
// what arrived. Returns 0 or an errno value.
int receive_message(int socket, void* buffer, std::size_t capacity, ReceivedMessage& message,
                    int flags = 0);

}  // namespace cloister::os
