/* The client port: a standalone server and up to four clients, each step as the input says. */
#include "tests/fuzz/host.h"
#include "tests/fuzz/make.h"

enum action { CLIENT, CLIENT_AGAIN, CLIENT_MORE, TIME, DISK, ACTIONS, LATER = 0x80 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script s = script_over(data, size);
    struct host h;
    host_new(&h, host_config(0));
    host_start(&h);
    while (script_more(&s)) {
        uint8_t what = script_u8(&s);
        switch ((what & ~LATER) % ACTIONS) {
        case TIME: host_time(&h, script_u8(&s) * 10 * 1000); break;
        case DISK: host_disk(&h); break;
        default: host_client(&h, &s, !(what & LATER)); break;
        }
        /* Someone who was closed in an update that is not carried out yet is still seen. */
    }
    host_free(&h);
    return 0;
}

/* --- seeds --- */

static void put(struct bytes *b, const uint8_t *p, size_t n)
{
    bytes_put(b, p, n);
}
#define PUT(b, ...) put(b, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* Client 0 gets a session, then each kind of request once. */
void fuzz_seeds(seed_fn *add, void *arg)
{
    enum { KINDS = 30 };
    struct bytes b = {0};
    for (uint8_t kind = 0; kind < KINDS; kind++) {
        bytes_clear(&b);
        PUT(&b, CLIENT, 0, 0, 60, DISK);
        PUT(&b, CLIENT, 0, 2, 0, 1, 3, 'a', 'b', 'c', 2, 0, 31, 0, DISK); /* create /a */
        PUT(&b, CLIENT, 0, 2, kind, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
        PUT(&b, DISK, CLIENT, 1, 1, 0, 1, 0, 0, 10, 0, DISK, TIME, 255, DISK); /* another one takes the session over */
        char name[16] = {'k', (char)('a' + kind / 10), (char)('0' + kind % 10)};
        add(arg, name, &b);
    }
    bytes_clear(&b);
    for (uint8_t id = 0; id < 3; id++) PUT(&b, CLIENT, id, 0, 60);
    PUT(&b, DISK);
    for (uint8_t id = 0; id < 3; id++)
        PUT(&b, CLIENT, id, 2, 10, 1, 1, CLIENT, id, 2, 0, (uint8_t)(id + 1), 0, 2, 0, 31, id);
    PUT(&b, DISK, TIME, 255, TIME, 255, DISK, CLIENT, 0, 2, 8, DISK);
    add(arg, "three", &b);
    bytes_free(&b);
}
