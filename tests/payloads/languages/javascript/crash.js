function fail() {
  return null.field;
}

fail();
