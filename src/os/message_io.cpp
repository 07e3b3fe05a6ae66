#include "os/message_io.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace cloister::os {

void ReceivedMessage::close_all() {
  for (std::size_t i = 0; i < descriptor_count; ++i) {
    if (descriptors[i] >= 0) ::close(descriptors[i]);
  }
  descriptor_count = 0;
}

UniqueFd ReceivedMessage::take(std::size_t index) {
  if (index >= descriptor_count) return UniqueFd();
  return UniqueFd(std::exchange(descriptors[index], -1));
}

int send_message(int socket, const void* data, std::size_t size, std::span<const int> descriptors,
                 int flags) {
  if (descriptors.size() > kMaxDescriptors) return EINVAL;
  iovec part{const_cast<void*>(data), size};  // sendmsg only reads it.
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxDescriptors)];
  if (!descriptors.empty()) {
    std::memset(control, 0, sizeof control);
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(sizeof(int) * descriptors.size());
    cmsghdr* entry = CMSG_FIRSTHDR(&header);
    entry->cmsg_level = SOL_SOCKET;
    entry->cmsg_type = SCM_RIGHTS;
    entry->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
    std::memcpy(CMSG_DATA(entry), descriptors.data(), sizeof(int) * descriptors.size());
  }
  for (;;) {
    const ssize_t sent = ::sendmsg(socket, &header, MSG_NOSIGNAL | flags);
    if (sent >= 0) return static_cast<std::size_t>(sent) == size ? 0 : EMSGSIZE;
    if (errno != EINTR) return errno;
  }
}

int receive_message(int socket, void* buffer, std::size_t capacity, ReceivedMessage& message,
                    int flags) {
  message.size = 0;
  message.descriptor_count = 0;
  iovec part{buffer, capacity};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxDescriptors)];
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t received = 0;
  do {
    received = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC | flags);
  } while (received < 0 && errno == EINTR);
  if (received < 0) return errno;
  message.size = static_cast<std::size_t>(received);
  for (cmsghdr* entry = CMSG_FIRSTHDR(&header); entry != nullptr;
       entry = CMSG_NXTHDR(&header, entry)) {
    if (entry->cmsg_level != SOL_SOCKET || entry->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (entry->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(entry) + i * sizeof(int), sizeof fd);
      if (message.descriptor_count < kMaxDescriptors) {
        message.descriptors[message.descriptor_count++] = fd;
      } else {
        ::close(fd);
      }
    }
  }
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    message.close_all();
    return EMSGSIZE;
  }
  return 0;
}

}  // namespace cloister::os
