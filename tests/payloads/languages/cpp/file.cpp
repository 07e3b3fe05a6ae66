#include <fstream>
#include <sstream>

int main() {
  std::ostringstream text;
  text << std::ifstream("in.txt").rdbuf();
  std::ofstream("out.txt") << text.str() << text.str();
}
