/* What a fuzzer's target gives, and the small script that it reads its input as. A target is one file; it is linked
 * twice: with libFuzzer (fuzz_NAME) and with corpus_main.c (corpus_NAME), which needs no particular compiler. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/cursor.h"

/* Runs one input. Ends the process when something is wrong; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Calls add for each input to begin with. They are made by the encoders, so that they change with them. */
typedef void seed_fn(void *arg, const char *name, const struct bytes *input);
void fuzz_seeds(seed_fn *add, void *arg);

/* --- an input as a script: numbers, and runs of bytes; zeros when it is used up --- */

struct script {
    struct cursor at;
};

static inline struct script script_over(const uint8_t *data, size_t size)
{
    return (struct script){cursor_over(data, size)};
}

static inline bool script_more(const struct script *s)
{
    return cursor_left(&s->at) > 0;
}

static inline uint8_t script_u8(struct script *s)
{
    return script_more(s) ? cursor_u8(&s->at) : 0;
}

static inline uint32_t script_below(struct script *s, uint32_t n)
{
    return script_u8(s) % n;
}

static inline int32_t script_i32(struct script *s)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) v = v << 8 | script_u8(s);
    return (int32_t)v;
}

static inline int64_t script_i64(struct script *s)
{
    uint64_t high = (uint32_t)script_i32(s);
    return (int64_t)(high << 32 | (uint32_t)script_i32(s));
}

/* The next n bytes, or as many as there are; borrowed. */
static inline struct slice script_take(struct script *s, size_t n)
{
    size_t left = cursor_left(&s->at);
    if (n > left) n = left;
    return slice_of(cursor_take(&s->at, n), n);
}

/* A run of up to 255 bytes behind its length; a length of 255 is null. */
static inline struct slice script_run(struct script *s)
{
    uint8_t n = script_u8(s);
    return n == 255 ? SLICE_NULL : script_take(s, n);
}

/* The same bytes in memory that ends where they do, so that a sanitizer sees a read beyond. Free p. */
struct slice exact_copy(struct slice s);
void exact_free(struct slice s);

#endif
