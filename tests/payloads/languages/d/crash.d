void main() {
    throw new Exception("thrown and not caught");
}
