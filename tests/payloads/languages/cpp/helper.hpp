#include <string>

inline std::string word() { return "helped"; }
