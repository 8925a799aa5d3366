/* Small pieces of text that several commands print alike. */
#ifndef LAUNCHER_TEXT_H
#define LAUNCHER_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* "0.4 ms", "41 ms", "12.3 s", "3 min 20 s". */
void put_duration(struct bytes *b, int64_t us);

/* "+30 s", "-5 s", "-0.5 s". */
void put_shift(struct bytes *b, int64_t ms);

/* Reads "50ms", "1.5s", "200us", "2min", or a bare 0. False when it is no duration, or longer than a day. */
bool parse_duration(const char *text, int64_t *us);

/* Reads a whole number within bounds. False when it is none. */
bool parse_number(const char *text, long min, long max, long *v);

/* The last line of a file that has text in it, without its end, to be freed; NULL when there is none. */
char *last_line(const char *path);

/* The nearest of the words to what was typed, or NULL when none is near. words ends with NULL. */
const char *nearest_word(const char *typed, const char *const *words);

/* The monotonic clock in us: the one that facts carry. */
int64_t clock_us(void);

#endif
