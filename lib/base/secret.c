/* Comparing secrets without telling by the time it takes where they differ. */
#include "base/secret.h"

bool secret_equal(struct slice a, struct slice b)
{
    if (a.len != b.len) return false;
    /* volatile: no compiler may stop at the first difference */
    volatile unsigned differ = 0;
    for (int32_t i = 0; i < a.len; i++) differ = differ | (unsigned)(a.p[i] ^ b.p[i]);
    return differ == 0;
}

void secret_wipe(void *p, size_t len)
{
    volatile unsigned char *at = p;
    for (size_t i = 0; i < len; i++) at[i] = 0;
}
