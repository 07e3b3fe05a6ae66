#include <stdio.h>

int value = = 3;

int main(void) { puts("never"); }
