#include <stdlib.h>
#include <string.h>

int main(void) {
  for (;;) {
    char *block = malloc(16 << 20);
    if (block == NULL) return 1;
    memset(block, 'x', 16 << 20);
  }
}
