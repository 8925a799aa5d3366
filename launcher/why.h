/* Why there is no leader, why a server does not serve, why a session ended: from the state as it is and from what was recorded.
 * Pure. */
#ifndef LAUNCHER_WHY_H
#define LAUNCHER_WHY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "launcher/events.h"

/* One reason. Everything owned but the code. */
struct why_cause {
    const char *code; /* "killed", "paused", "cut", ...: the list is in docs/events.md */
    int64_t server;   /* whom it is about, 0 for the whole */
    int64_t since_us; /* by the facts' clock; 0: not known */
    const struct events_run *run; /* whose clock that is; NULL: the last one's */
    char *text;       /* without the server's name */
};

struct why {
    bool well;     /* nothing is wrong with what was asked about */
    char *summary; /* one sentence */
    struct why_cause *causes;
    size_t n;
    char **remedies; /* commands, in this order */
    size_t n_remedies;
};

/* What is looked at. Everything borrowed. */
struct why_scene {
    const json_t *cluster; /* as status gives it; NULL when no supervisor runs */
    const struct events_log *log;
    const char *call; /* how the launcher is called for this cluster */
    int64_t now_us;
};

/* Why there is no leader; or who leads, and what is wrong all the same. */
void why_ensemble(struct why *w, const struct why_scene *s);
/* Why this server does not serve. False when there is none of that id. */
bool why_server(struct why *w, const struct why_scene *s, int64_t id);
/* Why this session ended; log holds its facts. False when nothing is known of it. */
bool why_session(struct why *w, const struct why_scene *s, int64_t session);
void why_free(struct why *w);

/* --- for the files that find causes --- */

/* Adds a cause, or sets the summary; the text is stolen. */
struct why_cause *why_add(struct why *w, const char *code, int64_t server, int64_t since_us, char *text);
void why_say(struct why *w, bool well, char *summary);
/* Adds a command, without the program's name; the text is stolen. */
void why_remedy(struct why *w, const struct why_scene *s, char *command);

/* The last fact of this kind about this server (0: about any) in the run at hand, before `before` in the log; SIZE_MAX when there is
 * none. before: SIZE_MAX for the end. */
size_t why_last(const struct events_log *log, const char *kind, int64_t server, size_t before);
/* The last fault by this verb that this server was a target of. */
size_t why_last_fault(const struct events_log *log, const char *verb, int64_t server);

/* What a server's exit code means. */
const char *server_exit_text(int code);

#endif
