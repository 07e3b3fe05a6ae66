#include "backends/native/import_scan.h"

#include <algorithm>
#include <cstddef>

namespace cloister::backends::native {
namespace {

using sandbox::Zygote;

// Statements beyond this are not looked at: imports stand at the top.
constexpr std::size_t kScannedBytes = std::size_t{64} * 1024;

constexpr std::string_view kDataModules[] = {"numpy",    "pandas",      "scipy",
                                             "sklearn",  "statsmodels", "sympy",
                                             "networkx", "asyncio",     "concurrent"};
constexpr std::string_view kPlotModules[] = {"matplotlib", "seaborn", "pylab", "mpl_toolkits"};

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

void skip_blanks(std::string_view& text) {
  const std::size_t start = text.find_first_not_of(" \t");
  text.remove_prefix(start == std::string_view::npos ? text.size() : start);
}

// The first component of a dotted name at the beginning of `text`, which moves behind the whole
// name.
std::string_view take_module(std::string_view& text) {
  skip_blanks(text);
  const auto end = std::find_if_not(text.begin(), text.end(), is_name_character);
  const std::string_view name = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  const auto rest =
      std::find_if_not(end, text.end(), [](char c) { return is_name_character(c) || c == '.'; });
  text.remove_prefix(static_cast<std::size_t>(rest - text.begin()));
  return name;
}

Zygote zygote_for(std::string_view module) {
  if (std::find(std::begin(kPlotModules), std::end(kPlotModules), module) !=
      std::end(kPlotModules)) {
    return Zygote::kPlot;
  }
  if (std::find(std::begin(kDataModules), std::end(kDataModules), module) !=
      std::end(kDataModules)) {
    return Zygote::kData;
  }
  return Zygote::kBase;
}

bool take_keyword(std::string_view& text, std::string_view keyword) {
  if (text.rfind(keyword, 0) != 0 || text.size() <= keyword.size()) return false;
  const char next = text[keyword.size()];
  if (next != ' ' && next != '\t') return false;
  text.remove_prefix(keyword.size());
  return true;
}

// One simple statement: "import a.b as c, d" or "from a.b import c".
Zygote scan_statement(std::string_view statement) {
  skip_blanks(statement);
  if (take_keyword(statement, "from")) return zygote_for(take_module(statement));
  if (!take_keyword(statement, "import")) return Zygote::kBase;
  Zygote largest = Zygote::kBase;
  while (!statement.empty()) {
    largest = std::max(largest, zygote_for(take_module(statement)));
    const std::size_t comma = statement.find(',');
    if (comma == std::string_view::npos) break;
    statement.remove_prefix(comma + 1);
  }
  return largest;
}

}  // namespace

Zygote pick_zygote(std::string_view python_code) {
  std::string_view rest = python_code.substr(0, kScannedBytes);
  Zygote largest = Zygote::kBase;
  while (!rest.empty() && largest != Zygote::kPlot) {
    const std::size_t end = rest.find_first_of("\n;");
    largest = std::max(largest, scan_statement(rest.substr(0, end)));
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return largest;
}

}  // namespace cloister::backends::native
