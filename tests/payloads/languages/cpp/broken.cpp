#include <iostream>

int value = = 3;

int main() { std::cout << "never\n"; }
