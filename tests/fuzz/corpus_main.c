/* Runs a fuzzer's target without a fuzzer: over its own seeds, over the files of tests/fuzz/corpus/NAME (inputs that
 * once found something), and over a few thousand changes of both, the same ones each time.
 *
 *   corpus_NAME              prints "N passed, N failed"
 *   corpus_NAME FILE...      only these
 *   corpus_NAME -w DIR       writes the seeds there, for a fuzzer to begin with
 *   corpus_NAME -n ROUNDS    so many changes of inputs
 *
 * An input that ends the process is left in corpus_NAME.crash. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rnd.h"
#include "base/xalloc.h"
#include "tests/fuzz/fuzz.h"

enum { ROUNDS = 3000, INPUT_MAX = 4096, FILE_MAX = 1 << 20 };

struct input {
    char *name;
    struct bytes bytes;
};

static struct input *inputs;
static size_t n_inputs;
static struct bytes running; /* what is at work when the process ends */
static unsigned passed;

static void read_all(void);
static void watch_the_end(void);
static void run_all(unsigned rounds);
static void keep(void *arg, const char *name, const struct bytes *bytes);
static void write_seed(void *arg, const char *name, const struct bytes *bytes);
static void read_file(const char *path);
static void read_corpus(const char *dir);
static void run(const struct bytes *bytes);
static void change(struct rnd *r, struct bytes *b);
static void on_crash(int sig);
static void leave_input(void);

/* A sanitizer ends the process in its own way. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#endif
#ifdef SANITIZED
void __sanitizer_set_death_callback(void (*callback)(void));
#else
#define __sanitizer_set_death_callback(callback) ((void)0)
#endif

int main(int argc, char **argv)
{
    unsigned rounds = ROUNDS;
    if (argc == 3 && strcmp(argv[1], "-w") == 0) {
        fuzz_seeds(write_seed, argv[2]);
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "-n") == 0)
        rounds = (unsigned)strtoul(argv[2], NULL, 10);
    else if (argc > 1)
        rounds = 0;
    for (int i = 1; i < argc && rounds == 0; i++) read_file(argv[i]);
    if (rounds > 0) read_all();
    watch_the_end();
    run_all(rounds);
    printf("%u passed, %d failed\n", passed, n_inputs == 0);
    bool nothing = n_inputs == 0;
    while (n_inputs > 0) {
        n_inputs--;
        free(inputs[n_inputs].name);
        bytes_free(&inputs[n_inputs].bytes);
    }
    free(inputs);
    bytes_free(&running);
    return nothing;
}

/* Seeds and files. */
static void read_all(void)
{
    const char *src = getenv("srcdir");
    char *dir = xasprintf("%s/tests/fuzz/corpus/%s", src != NULL ? src : ".", FUZZ_NAME);
    fuzz_seeds(keep, NULL);
    read_corpus(dir);
    free(dir);
}

static void watch_the_end(void)
{
    static const int fatal[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++) signal(fatal[i], on_crash);
    __sanitizer_set_death_callback(leave_input);
}

static void run_all(unsigned rounds)
{
    struct rnd r = {.state = 1};
    struct bytes changed = {0};
    for (size_t i = 0; i < n_inputs; i++) run(&inputs[i].bytes);
    for (unsigned i = 0; i < rounds && n_inputs > 0; i++) {
        const struct bytes *from = &inputs[rnd_below(&r, n_inputs)].bytes;
        bytes_clear(&changed);
        bytes_put(&changed, from->data, from->len);
        for (uint64_t n = 1 + rnd_below(&r, 6); n > 0; n--) change(&r, &changed);
        run(&changed);
    }
    bytes_free(&changed);
}

static void keep(void *arg, const char *name, const struct bytes *bytes)
{
    (void)arg;
    inputs = xrealloc(inputs, (n_inputs + 1) * sizeof *inputs);
    inputs[n_inputs] = (struct input){.name = xstrdup(name)};
    bytes_put(&inputs[n_inputs++].bytes, bytes->data, bytes->len);
}

static void write_seed(void *arg, const char *name, const struct bytes *bytes)
{
    char *path = xasprintf("%s/%s", (const char *)arg, name);
    FILE *f = fopen(path, "wb");
    if (f == NULL || (bytes->len > 0 && fwrite(bytes->data, bytes->len, 1, f) != 1) || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
    free(path);
}

static void read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        perror(path);
        exit(1);
    }
    struct bytes b = {0};
    for (size_t n; b.len < FILE_MAX && (n = fread(bytes_room(&b, 4096), 1, 4096, f)) > 0;) bytes_grew(&b, n);
    fclose(f);
    keep(NULL, path, &b);
    bytes_free(&b);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct input *)a)->name, ((const struct input *)b)->name);
}

/* In order of name, so that each run is like the last. */
static void read_corpus(const char *dir)
{
    DIR *d = opendir(dir);
    if (d == NULL) return; /* nothing was found with this one yet */
    size_t from = n_inputs;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.') continue;
        char *path = xasprintf("%s/%s", dir, e->d_name);
        read_file(path);
        free(path);
    }
    closedir(d);
    if (n_inputs > from) qsort(inputs + from, n_inputs - from, sizeof *inputs, by_name);
}

static void run(const struct bytes *bytes)
{
    bytes_clear(&running);
    bytes_put(&running, bytes->data, bytes->len);
    struct slice exact = exact_copy(bytes_slice(bytes));
    LLVMFuzzerTestOneInput(exact.p, (size_t)exact.len);
    exact_free(exact);
    passed++;
}

/* --- changes --- */

static void remove_some(struct bytes *b, size_t at, size_t n)
{
    if (n > b->len - at) n = b->len - at;
    memmove(b->data + at, b->data + at + n, b->len - at - n);
    b->len -= n;
}

static void insert(struct bytes *b, size_t at, const uint8_t *p, size_t n)
{
    if (b->len + n > INPUT_MAX) return;
    bytes_room(b, n + 1);
    memmove(b->data + at + n, b->data + at, b->len - at);
    memcpy(b->data + at, p, n);
    b->len += n;
}

static void change(struct rnd *r, struct bytes *b)
{
    static const uint32_t telling[] = {0,          1,       0xffffffff, 0xfffffffe, 0x7fffffff,
                                       0x80000000, 0xfffff, 0x100000,   0x1000000};
    size_t at = b->len > 0 ? (size_t)rnd_below(r, b->len) : 0;
    uint8_t few[16];
    for (size_t i = 0; i < sizeof few; i++) few[i] = (uint8_t)rnd_next(r);
    switch (b->len > 0 ? rnd_below(r, 7) : 0) {
    case 0: insert(b, at, few, 1 + (size_t)rnd_below(r, sizeof few)); break;
    case 1: b->data[at] ^= (uint8_t)(1u << rnd_below(r, 8)); break;
    case 2: b->data[at] = few[0]; break;
    case 3: remove_some(b, at, 1 + (size_t)rnd_below(r, 16)); break;
    case 4:
        if (b->len - at >= 4) be32_put(b->data + at, telling[rnd_below(r, sizeof telling / sizeof *telling)]);
        break;
    case 5: { /* a piece of it once more, elsewhere */
        uint8_t piece[64];
        size_t n = 1 + (size_t)rnd_below(r, sizeof piece);
        if (n > b->len - at) n = b->len - at;
        memcpy(piece, b->data + at, n);
        insert(b, (size_t)rnd_below(r, b->len), piece, n);
        break;
    }
    default: { /* a piece of another input */
        const struct bytes *other = &inputs[rnd_below(r, n_inputs)].bytes;
        if (other->len == 0) break;
        size_t from = (size_t)rnd_below(r, other->len), n = 1 + (size_t)rnd_below(r, 64);
        insert(b, at, other->data + from, n < other->len - from ? n : other->len - from);
        break;
    }
    }
}

/* --- the end --- */

static void on_crash(int sig)
{
    leave_input();
    signal(sig, SIG_DFL);
    raise(sig);
}

static void leave_input(void)
{
    char text[128];
    int fd = open("corpus_" FUZZ_NAME ".crash", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd >= 0 && write(fd, running.data, running.len) >= 0) close(fd);
    int n = snprintf(text, sizeof text, "%u passed, 1 failed\n", passed);
    if (write(STDOUT_FILENO, text, (size_t)n) < 0) _exit(1);
}
