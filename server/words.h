/* Four-letter words on the client port. Source: FourLetterCommands.java, command/(star).java (3.8.0); protocol/admin.md 2. */
#ifndef SERVER_WORDS_H
#define SERVER_WORDS_H

#include "report.h"
#include "panel.h"

/* A word that is being answered. */
struct words_answer {
    struct report *report;
    void (*finish)(struct panel *v, struct bytes *b); /* or NULL: what stands behind the report */
};

/* The first bytes of a connection, four at least: appends the answer to a word, or the refusal of one that is not in the whitelist.
 * WORD_LATER: a has a report, which this function has not stepped yet; words_step() makes the rest. */
enum net_word words_ask(struct panel *v, struct slice bytes, struct bytes *answer, struct words_answer *a);
/* True when there is more to come; false: a is over, and a->report freed. */
bool words_step(struct panel *v, struct words_answer *a, struct bytes *answer);

/* --- parts, for tests --- */

/* Whether a comma-separated list (or "*") has this word; srvr always. */
bool words_allowed(const char *whitelist, const char *word);

#endif
