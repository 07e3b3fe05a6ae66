module helper;

string word() {
    return "helped";
}
