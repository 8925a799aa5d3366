/* Session passwords: java.util.Random seeded with the id, so that a session can move between any two servers of an
 * ensemble. Source: ZooKeeperServer.generatePasswd (3.8.0); protocol/client.md 4. */
#include "wire/passwd.h"

void session_passwd(int64_t session, uint8_t out[PASSWD_LEN])
{
    const uint64_t mask = ((uint64_t)1 << 48) - 1, multiplier = 0x5DEECE66D, addend = 0xB, secret = 0xB3415C00;
    uint64_t s = (((uint64_t)session ^ secret) ^ multiplier) & mask;
    for (int i = 0; i < PASSWD_LEN; i += 4) {
        s = (s * multiplier + addend) & mask;
        uint32_t v = (uint32_t)(s >> 16);
        for (int k = 0; k < 4; k++) out[i + k] = (uint8_t)(v >> (8 * k));
    }
}
