/* CRC-32: eight bytes at a time by tables, or sixteen where the processor can multiply without carries. */
#include "base/crc32.h"

/* What a byte leaves behind is the sum of what its bits leave: eight numbers, that of the highest bit at first, make a
 * table. Each number is the one before it, shifted once more; the first is the polynomial. */
#define BIT(i, b, left) ((uint32_t)((i) >> (b)&1) * (left))
#define ENTRY(i, h, g, f, e, d, c, b, a)                                                                               \
    BIT(i, 7, h) ^ BIT(i, 6, g) ^ BIT(i, 5, f) ^ BIT(i, 4, e) ^ BIT(i, 3, d) ^ BIT(i, 2, c) ^ BIT(i, 1, b) ^           \
        BIT(i, 0, a)
#define ENTRIES_4(i, ...)                                                                                              \
    ENTRY(i, __VA_ARGS__), ENTRY(i + 1, __VA_ARGS__), ENTRY(i + 2, __VA_ARGS__), ENTRY(i + 3, __VA_ARGS__)
#define ENTRIES_16(i, ...)                                                                                             \
    ENTRIES_4(i, __VA_ARGS__), ENTRIES_4(i + 4, __VA_ARGS__), ENTRIES_4(i + 8, __VA_ARGS__),                           \
        ENTRIES_4(i + 12, __VA_ARGS__)
#define ENTRIES_64(i, ...)                                                                                             \
    ENTRIES_16(i, __VA_ARGS__), ENTRIES_16(i + 16, __VA_ARGS__), ENTRIES_16(i + 32, __VA_ARGS__),                      \
        ENTRIES_16(i + 48, __VA_ARGS__)
#define TABLE(...)                                                                                                     \
    {                                                                                                                  \
        ENTRIES_64(0, __VA_ARGS__), ENTRIES_64(64, __VA_ARGS__), ENTRIES_64(128, __VA_ARGS__),                         \
            ENTRIES_64(192, __VA_ARGS__)                                                                               \
    }

/* after[k][byte]: what a byte leaves when k more have passed. */
static const uint32_t after[8][256] = {
    TABLE(0xedb88320, 0x76dc4190, 0x3b6e20c8, 0x1db71064, 0x0edb8832, 0x076dc419, 0xee0e612c, 0x77073096),
    TABLE(0x3b83984b, 0xf0794f05, 0x958424a2, 0x4ac21251, 0xc8d98a08, 0x646cc504, 0x32366282, 0x191b3141),
    TABLE(0xe1351b80, 0x709a8dc0, 0x384d46e0, 0x1c26a370, 0x0e1351b8, 0x0709a8dc, 0x0384d46e, 0x01c26a37),
    TABLE(0xed59b63b, 0x9b14583d, 0xa032af3e, 0x5019579f, 0xc5b428ef, 0x8f629757, 0xaa09c88b, 0xb8bc6765),
    TABLE(0xb1e6b092, 0x58f35849, 0xc1c12f04, 0x60e09782, 0x30704bc1, 0xf580a6c0, 0x7ac05360, 0x3d6029b0),
    TABLE(0x1eb014d8, 0x0f580a6c, 0x07ac0536, 0x03d6029b, 0xec53826d, 0x9b914216, 0x4dc8a10b, 0xcb5cd3a5),
    TABLE(0x8816eaf2, 0x440b7579, 0xcfbd399c, 0x67de9cce, 0x33ef4e67, 0xf44f2413, 0x979f1129, 0xa6770bb4),
    TABLE(0x533b85da, 0x299dc2ed, 0xf9766256, 0x7cbb312b, 0xd3e51bb5, 0x844a0efa, 0x4225077d, 0xccaa009e),
};

static uint32_t le32_get(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* What four bytes leave when k more have passed. */
static uint32_t four(uint32_t v, int k)
{
    return after[k + 3][v & 0xff] ^ after[k + 2][v >> 8 & 0xff] ^ after[k + 1][v >> 16 & 0xff] ^ after[k][v >> 24];
}

static uint32_t by_tables(uint32_t crc, const uint8_t *p, size_t n)
{
    for (; n >= 8; n -= 8, p += 8) crc = four(crc ^ le32_get(p), 4) ^ four(le32_get(p + 4), 0);
    if (n >= 4) {
        crc = four(crc ^ le32_get(p), 0);
        n -= 4;
        p += 4;
    }
    for (; n > 0; n--, p++) crc = after[0][(crc ^ *p) & 0xff] ^ crc >> 8;
    return crc;
}

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

/* Sixteen bytes that leave what all whole sixteens of n leave: each is carried over the next by two multiplications
 * without carries, by x^160 and x^96. Source: Gopal et al., "Fast CRC Computation for Generic Polynomials Using
 * PCLMULQDQ" (Intel, 2009). */
__attribute__((target("pclmul"))) static void fold(uint32_t crc, const uint8_t *p, size_t n, uint8_t left[16])
{
    const __m128i carry = _mm_set_epi64x(0xccaa009e, 0x1751997d0);
    __m128i x = _mm_xor_si128(_mm_loadu_si128((const __m128i *)p), _mm_cvtsi32_si128((int)crc));
    for (p += 16, n -= 16; n >= 16; p += 16, n -= 16) {
        __m128i low = _mm_clmulepi64_si128(x, carry, 0x00), high = _mm_clmulepi64_si128(x, carry, 0x11);
        x = _mm_xor_si128(_mm_xor_si128(low, high), _mm_loadu_si128((const __m128i *)p));
    }
    _mm_storeu_si128((__m128i *)left, x);
}

static uint32_t run(uint32_t crc, const uint8_t *p, size_t n)
{
    enum { WORTH_IT = 48 };
    uint8_t left[16];
    if (n < WORTH_IT || !__builtin_cpu_supports("pclmul")) return by_tables(crc, p, n);
    fold(crc, p, n, left);
    return by_tables(by_tables(0, left, sizeof left), p + n / 16 * 16, n % 16);
}
#else
#define run by_tables
#endif

uint32_t crc32_add(uint32_t crc, const void *bytes, size_t n)
{
    return ~run(~crc, bytes, n);
}
