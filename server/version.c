/* Which server this is. */
#include "config.h"

#include "version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIKE "3.8.0"

/* __DATE__ is "Nov 20 2026"; compilers take it from SOURCE_DATE_EPOCH when that is set. */
const char *version_text(void)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    static const char date[] = __DATE__, time[] = __TIME__;
    static char text[96];
    if (*text) return text;
    char month[4] = {date[0], date[1], date[2], '\0'};
    const char *at = strstr(months, month);
    snprintf(text, sizeof text, "%s-%s-%s, built on %.4s-%02d-%02d %.5s", LIKE, PACKAGE_NAME, PACKAGE_VERSION, date + 7,
             at ? (int)(at - months) / 3 + 1 : 0, atoi(date + 4), time);
    return text;
}
