// Prints, as JSON, which of four things succeed that no sandboxed program may do.
#define _DEFAULT_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int connects(void) {
  struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons(@PORT@)};
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int descriptor = socket(AF_INET, SOCK_STREAM, 0);
  return descriptor >= 0 && connect(descriptor, (struct sockaddr *)&place, sizeof place) == 0;
}

static int writes(void) {
  int descriptor = open("@PATH@", O_CREAT | O_WRONLY | O_TRUNC, 0600);
  return descriptor >= 0 && write(descriptor, "escaped", 7) == 7;
}

static const char *word(int is_true) { return is_true ? "true" : "false"; }

int main(void) {
  printf("{\"connect\": %s, \"write\": %s, ", word(connects()), word(writes()));
  fflush(stdout);
  int seen = system("grep -qs '@PATTERN@' /proc/[0-9]*/cmdline");
  printf("\"processes\": %s, ", word(seen == 0));
  printf("\"privilege\": %s}\n", word(chroot("/") == 0 && setuid(0) == 0));
  return 0;
}
