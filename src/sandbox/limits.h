// The limits of one sandbox, as plain data that crosses process borders.
#pragma once

#include <cstdint>

namespace cloister::sandbox {

// The user and group that programs run as, inside the sandbox.
inline constexpr std::uint32_t kSandboxUid = 65532;

struct SandboxLimits {
  std::uint64_t memory_bytes = 256ULL << 20;     // cgroup, tmpfs included.
  std::uint64_t workspace_bytes = 224ULL << 20;  // tmpfs /workspace
  std::uint64_t workspace_inodes = 65536;
  std::uint64_t tmp_bytes = 64ULL << 20;       // tmpfs /tmp
  std::uint64_t shm_bytes = 64ULL << 20;       // tmpfs /dev/shm
  std::uint64_t program_bytes = 128ULL << 20;  // tmpfs /program
  std::uint32_t processes = 64;                // Threads count too.
  std::uint32_t cpu_percent = 100;             // Of one core, whole sandbox; 0: no limit.
  std::uint32_t cpu_seconds = 5;               // RLIMIT_CPU of each process.
  std::uint32_t open_files = 1024;             // RLIMIT_NOFILE of each process.
};

}  // namespace cloister::sandbox
