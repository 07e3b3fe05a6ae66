// The word that parts.c prints.
#pragma once

static inline const char *word(void) { return "helped"; }
