/* Comparing secrets without telling by the time it takes where they differ. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/slice.h"

/* As slice_equal(), in a time that depends on the lengths alone: for passwords, digests of them, and what proves a session. */
bool secret_equal(struct slice a, struct slice b);
/* Overwrites what is not needed any more, so that it is in no core dump; the compiler cannot leave it out. */
void secret_wipe(void *p, size_t len);

#endif
