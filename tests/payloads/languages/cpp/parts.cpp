#include <iostream>

#include "helper.hpp"

int main() { std::cout << word() << '\n'; }
