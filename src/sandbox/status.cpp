#include "sandbox/status.h"

#include <unistd.h>

#include <cerrno>

namespace cloister::sandbox {
namespace {

void write_record(int fd, const StatusRecord& record) {
  while (::write(fd, &record, sizeof record) < 0 && errno == EINTR) {
  }
}

std::uint64_t microseconds(const timeval& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1000000U +
         static_cast<std::uint64_t>(time.tv_usec);
}

}  // namespace

void write_armed(int status_fd) {
  StatusRecord record;
  record.kind = StatusKind::kArmed;
  write_record(status_fd, record);
}

void write_failure(int status_fd, const ArmFailure& failure) {
  StatusRecord record;
  record.kind = StatusKind::kFailed;
  record.step = static_cast<std::uint32_t>(failure.step);
  record.error = failure.error;
  write_record(status_fd, record);
}

void write_exit(int status_fd, int status, const rusage& usage) {
  StatusRecord record;
  record.kind = StatusKind::kExited;
  record.status = status;
  record.user_us = microseconds(usage.ru_utime);
  record.system_us = microseconds(usage.ru_stime);
  record.max_rss_kib = static_cast<std::uint64_t>(usage.ru_maxrss);
  write_record(status_fd, record);
}

}  // namespace cloister::sandbox
