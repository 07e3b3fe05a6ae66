word() {
  echo helped
}
