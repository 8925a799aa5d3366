/* What the admin pages answer: a path in, JSON out; knows nothing of sockets.
 * Source: Commands.java, JettyAdminServer.java, JsonOutputter.java (3.8.0); protocol/admin.md 3. */
#ifndef SERVER_ADMIN_COMMANDS_H
#define SERVER_ADMIN_COMMANDS_H

#include "report.h"
#include "panel.h"

/* One answer, being made. Zero-initialised is valid; not to be moved once asked. */
struct admin_answer {
    const char *type;      /* of the content */
    bool found;            /* false: there is no such page */
    struct bytes body;
    struct page page;
    struct report *report; /* what is still to come, or NULL */
    const char *command;   /* its name, behind the report */
};

/* path: decoded, from the slash on; query: as it came. True when there is more to come: then admin_step() makes it. */
bool admin_ask(struct panel *v, const char *path, const char *query, struct admin_answer *a);
bool admin_step(struct admin_answer *a);
void admin_answer_free(struct admin_answer *a);

/* Commands have one name and often a short one; for the test that asks them all. NULL at the end. */
const char *admin_command_name(size_t i);

#endif
