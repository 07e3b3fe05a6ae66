#include <stdio.h>

int main(void) {
  char text[256];
  FILE *source = fopen("in.txt", "r");
  size_t size = fread(text, 1, sizeof text, source);
  FILE *copy = fopen("out.txt", "w");
  fwrite(text, 1, size, copy);
  fwrite(text, 1, size, copy);
  return fclose(copy);
}
