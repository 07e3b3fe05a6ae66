// Build tool: compiles profiles/seccomp.json into a C++ header with the BPF program of this
// machine's architecture. Usage: seccomp_compiler <profile.json> <header>
#include <fcntl.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace {

using Json = nlohmann::json;

std::uint32_t errno_action(const std::string& name) {
  if (name == "SUCCESS") return SCMP_ACT_ERRNO(0);
  if (name == "EPERM") return SCMP_ACT_ERRNO(EPERM);
  if (name == "ENOSYS") return SCMP_ACT_ERRNO(ENOSYS);
  if (name == "EAFNOSUPPORT") return SCMP_ACT_ERRNO(EAFNOSUPPORT);
  throw std::runtime_error("unknown errno " + name);
}

std::uint64_t number(const Json& value) {
  return std::stoull(value.get<std::string>(), nullptr, 0);
}

std::vector<scmp_arg_cmp> comparisons(const Json& list) {
  std::vector<scmp_arg_cmp> result;
  for (const Json& item : list) {
    const auto argument = item.at("argument").get<unsigned>();
    if (item.contains("masked")) {
      result.push_back(
          {argument, SCMP_CMP_MASKED_EQ, number(item.at("masked")), number(item.at("equals"))});
    } else {
      // Only the low half counts: the kernel takes these arguments as 32-bit integers.
      result.push_back({argument, SCMP_CMP_MASKED_EQ, 0xffffffffU, number(item.at("equals"))});
    }
  }
  return result;
}

class Compiler {
 public:
  explicit Compiler(const Json& profile)
      : profile_(profile),
        default_(errno_action(profile.at("default").get<std::string>())),
        context_(seccomp_init(default_)) {
    if (context_ == nullptr) throw std::runtime_error("seccomp_init failed");
    // A foreign calling convention is nothing but an attack on the filter.
    check(seccomp_attr_set(context_, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), "bad arch");
    check(seccomp_attr_set(context_, SCMP_FLTATR_CTL_OPTIMIZE, 2), "optimize");
  }
  ~Compiler() { seccomp_release(context_); }
  Compiler(const Compiler&) = delete;
  Compiler& operator=(const Compiler&) = delete;

  void compile() {
    for (const Json& group : profile_.at("allow")) {
      for (const Json& call : group.at("calls")) {
        if (!is_conditional(call.get<std::string>())) add(SCMP_ACT_ALLOW, call, Json::array());
      }
    }
    for (const Json& rule : profile_.at("conditional")) {
      add(SCMP_ACT_ALLOW, rule.at("call"), rule.at("allow_if"));
    }
    refuse_socket_families();
    for (const Json& rule : profile_.at("errno")) {
      if (rule.contains("if")) continue;
      for (const Json& call : rule.at("calls")) {
        add(errno_action(rule.at("errno").get<std::string>()), call, Json::array());
      }
    }
    allow_ioctl();
  }

  std::vector<sock_filter> program() {
    const int fd = ::memfd_create("bpf", 0);
    check(seccomp_export_bpf(context_, fd), "export");
    const off_t size = ::lseek(fd, 0, SEEK_END);
    std::vector<sock_filter> instructions(static_cast<std::size_t>(size) / sizeof(sock_filter));
    if (::pread(fd, instructions.data(), static_cast<std::size_t>(size), 0) != size) {
      throw std::runtime_error("reading the exported filter failed");
    }
    ::close(fd);
    return instructions;
  }

 private:
  static void check(int result, const std::string& what) {
    if (result < 0) throw std::runtime_error(what + ": error " + std::to_string(-result));
  }

  bool is_conditional(const std::string& call) const {
    for (const Json& rule : profile_.at("errno")) {
      if (rule.contains("if") && rule.at("call") == call) return true;
    }
    return false;
  }

  void add(std::uint32_t action, const Json& call, const Json& conditions) {
    if (action == default_) return;
    const auto name = call.get<std::string>();
    const int number_of_call = seccomp_syscall_resolve_name(name.c_str());
    if (number_of_call == __NR_SCMP_ERROR) {
      std::cerr << "note: " << name << " is unknown to this libseccomp and stays refused\n";
      return;
    }
    const std::vector<scmp_arg_cmp> arguments = comparisons(conditions);
    check(seccomp_rule_add_array(context_, action, number_of_call,
                                 static_cast<unsigned>(arguments.size()), arguments.data()),
          name);
  }

  // Families that are not allowed get the errno of a kernel that lacks them: programs then fall
  // back.
  void refuse_socket_families() {
    const std::uint32_t action =
        errno_action(profile_.at("refused_socket_errno").get<std::string>());
    std::vector<bool> allowed(64, false);
    for (const Json& rule : profile_.at("conditional")) {
      if (rule.at("call") != "socket") continue;
      allowed.at(number(rule.at("allow_if").at(0).at("equals"))) = true;
    }
    for (unsigned family = 0; family < allowed.size(); ++family) {
      if (allowed[family]) continue;
      const scmp_arg_cmp argument{0, SCMP_CMP_MASKED_EQ, 0xffffffffU, family};
      check(seccomp_rule_add_array(context_, action, SCMP_SYS(socket), 1, &argument), "socket");
    }
  }

  // libseccomp has no "all but these": what lies between the refused requests is allowed instead.
  // The upper half of the argument is ignored, as the kernel ignores it.
  void allow_ioctl() {
    for (const Json& rule : profile_.at("errno")) {
      if (!rule.contains("if") || rule.at("call") != "ioctl") continue;
      const auto value = number(rule.at("if").at(0).at("equals"));
      refused_ioctls_.push_back(value);
    }
    if (refused_ioctls_.empty()) return add(SCMP_ACT_ALLOW, "ioctl", Json::array());
    std::sort(refused_ioctls_.begin(), refused_ioctls_.end());
    std::uint64_t low = 0;
    for (const std::uint64_t refused : refused_ioctls_) {
      allow_ioctl_range(low, refused - 1);
      low = refused + 1;
    }
    allow_ioctl_range(low, 0xffffffffU);
  }

  void allow_ioctl_range(std::uint64_t low, std::uint64_t high) {
    // Decompose [low, high] into aligned power-of-two blocks, each one masked comparison.
    while (low <= high) {
      std::uint64_t size = 1;
      while ((low & (size * 2 - 1)) == 0 && low + size * 2 - 1 <= high && size < (1ULL << 31)) {
        size *= 2;
      }
      const std::uint64_t mask = 0xffffffffU & ~(size - 1);
      const scmp_arg_cmp block{1, SCMP_CMP_MASKED_EQ, mask, low};
      check(seccomp_rule_add_array(context_, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, &block), "ioctl");
      low += size;
    }
  }

  const Json& profile_;
  std::uint32_t default_;
  scmp_filter_ctx context_;
  std::vector<std::uint64_t> refused_ioctls_;
};

void write_header(const std::string& path, const std::vector<sock_filter>& program) {
  std::ofstream header(path);
  header << "#pragma once\n#include <linux/filter.h>\n\nnamespace cloister::sandbox {\n\n"
         << "inline constexpr sock_filter kSeccompProfile[] = {\n";
  for (const sock_filter& instruction : program) {
    header << "    {" << instruction.code << ", " << unsigned{instruction.jt} << ", "
           << unsigned{instruction.jf} << ", " << instruction.k << "U},\n";
  }
  header << "};\n\n}  // namespace cloister::sandbox\n";
  if (!header.flush()) throw std::runtime_error("cannot write " + path);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: seccomp_compiler <profile.json> <header>\n";
    return 2;
  }
  try {
    std::ifstream file(argv[1]);
    const Json profile = Json::parse(file);
    Compiler compiler(profile);
    compiler.compile();
    write_header(argv[2], compiler.program());
  } catch (const std::exception& error) {
    std::cerr << "seccomp_compiler: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
