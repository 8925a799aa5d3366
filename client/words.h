/* Splitting a command line into words. Source: ZooKeeperMain.java (ARGS_PATTERN, QUOTED_PATTERN). */
#ifndef CLIENT_WORDS_H
#define CLIENT_WORDS_H

#include <stddef.h>

/* Words of one line; list ends with NULL. words_free() gives the memory back. */
struct words {
    char **list;
    size_t count;
};

/* Splits at white space. A word that begins with ' or " goes to the next such quote and loses both; inside any other word a
 * quote is an ordinary character (so that set /a {"k":"v"} does what it looks like). There is no escape character.
 * Returns NULL, or what is wrong (a literal) with *w empty. */
const char *words_split(struct words *w, const char *line);
void words_free(struct words *w);

#endif
