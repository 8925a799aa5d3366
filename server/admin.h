/* Operators' pages: admin commands and metrics on ports of their own, and the answers that take more than a moment, be they to a page
 * or to a four-letter word. A port that cannot be had is no reason not to serve: it is said, and there are no pages. */
#ifndef SERVER_ADMIN_H
#define SERVER_ADMIN_H

#include "net/http.h"
#include "panel.h"

struct admin;

/* Listens as conf says. panel and net are borrowed; Never fails: what goes wrong is
 * logged. */
struct admin *admin_new(struct loop *l, struct panel *v, struct net *n);
/* NULL is allowed. */
void admin_free(struct admin *a);

/* Where the pages are: "http://127.0.0.1:8080/commands", or "" when there are none. */
const char *admin_pages_url(const struct admin *a);
const char *admin_metrics_url(const struct admin *a);

/* A four-letter word, as net_config.word has it. */
enum net_word admin_word(struct admin *a, int64_t asker, struct slice bytes, struct bytes *answer);

#endif
