fn main() {
    let text = std::fs::read_to_string("in.txt").unwrap();
    std::fs::write("out.txt", text.repeat(2)).unwrap();
}
