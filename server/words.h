/* Four-letter words on the client port. Source: FourLetterCommands.java, command/(star).java (3.8.0); protocol/admin.md 2. */
#ifndef SERVER_WORDS_H
#define SERVER_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "conf.h"
#include "net/net.h"

/* What the answers are made of; all borrowed. */
struct words {
    const struct conf *conf;
    struct core *core;
    const struct net *net;
    int64_t started_us;
    int64_t leading_us; /* since when it leads; 0 when it does not */
};

/* Appends the answer to a word, or the refusal of one that is not in the whitelist. False when these bytes are no word that this
 * server knows. */
bool words_answer(const struct words *w, const uint8_t word[4], struct bytes *answer);

/* --- parts, for tests --- */

/* An average in ms, as Java prints a double that was rounded to 4 decimals: "0.0", "0.3333", "12.5", "1.0E-4". */
void words_put_average(struct bytes *b, int64_t total_us, int64_t count);
/* Whether a comma-separated list (or "*") has this word; srvr always. */
bool words_allowed(const char *whitelist, const char *word);

#endif
