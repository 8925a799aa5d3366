/* CRC-32, the one of zip, gzip and java.util.zip: polynomial 0x04c11db7, reflected. */
#ifndef BASE_CRC32_H
#define BASE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* Goes on from crc, which is 0 at the beginning: crc32_add(crc32_add(0, a), b) is that of a and b in one run. */
uint32_t crc32_add(uint32_t crc, const void *bytes, size_t n);

#endif
