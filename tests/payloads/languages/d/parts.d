import helper;
import std.stdio;

void main() {
    writeln(word());
}
