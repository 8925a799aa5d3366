/* Answers that can be long: made a piece at a time, so that nobody else has to wait for them.
 *
 * A piece looks at about a thousand things (watches, connections, sessions) and takes a ms or two. Between pieces the server goes on,
 * so that an answer that took several is no picture of one moment. All of one session's ephemerals are one piece. */
#ifndef SERVER_REPORT_H
#define SERVER_REPORT_H

#include "page.h"
#include "panel.h"

enum report_kind {
    REPORT_CONNECTIONS,      /* in short, as in stat */
    REPORT_CONNECTIONS_FULL, /* as in cons */
    REPORT_WATCHES_BY_SESSION,
    REPORT_WATCHES_BY_PATH,
    REPORT_DUMP, /* sessions, ephemerals, connections */
};

struct report;

/* The answer is appended to what step() is given: four-letter words' lines, or, with p, the fields of p's open object. panel and p
 * are borrowed. */
struct report *report_new(const struct panel *v, enum report_kind kind, struct page *p);
/* Makes the next piece. True when there is more to come. The same bytes each time. */
bool report_step(struct report *r, struct bytes *out);
/* NULL is allowed. */
void report_free(struct report *r);

#endif
