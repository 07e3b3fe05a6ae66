pub fn word() -> &'static str {
    "helped"
}
