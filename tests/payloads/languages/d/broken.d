import std.stdio;

int value = = 3;

void main() {}
