import std.file;

void main() {
    auto text = readText("in.txt");
    write("out.txt", text ~ text);
}
