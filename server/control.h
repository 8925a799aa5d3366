/* The channel to a supervisor: facts go up, questions come down, both as lines of JSON. Without a supervisor there is none.
 *
 *   up    every fact (wire/fact.h), and "ready" {pid, client}, "status" {...}, "exiting" {exit, text}, "dropped" {lines},
 *         "dying" {at, zxid; writes, bytes, names, torn, kept, of}: it is about to end as ordered; the latter of a loss of power
 *   down  {"cmd":"status","id":<anything>}
 *         orders (orders.h), which are answered: "answer" {id, ...}
 *
 * Writing never blocks: when the supervisor does not read, lines are dropped and counted. When it is gone, so is the server. */
#ifndef SERVER_CONTROL_H
#define SERVER_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/slice.h"
#include "net/loop.h"
#include "wire/fact.h"

struct control;

struct control_user {
    void *arg;
    /* A status line is asked for; id is the question's, as it stood there (JSON), or null. */
    void (*status)(void *arg, struct slice id);
    /* Any other command, whole. */
    void (*order)(void *arg, struct slice line);
    void (*gone)(void *arg); /* the supervisor */
};

/* Takes the fd over. */
struct control *control_new(struct loop *l, int fd, int64_t sid, const struct control_user *user);
/* NULL is allowed here and below: then nothing is done. */
void control_free(struct control *c);

void control_fact(struct control *c, const struct fact *f);
/* Takes what the supervisor has written by now, without waiting. */
void control_poll(struct control *c);

/* {"t":..,"sid":..,"fact":"<name>"<more>} where more is empty or begins with a comma. */
void control_say(struct control *c, const char *name, const char *more, ...) __attribute__((format(printf, 3, 4)));
/* Sends what waits, as far as the supervisor takes it at once. */
void control_flush(struct control *c);
/* The same for last words: waits for a supervisor that is slow to read, for a second at most. */
void control_drain(struct control *c);

/* Appends text as a JSON string, quotes included. */
void json_put_text(struct bytes *b, const char *text);
/* The value of a key at the top of a JSON object in one line, as it stands there; null when the key is absent or the line is no
 * such object. */
struct slice json_field(struct slice line, const char *key);

#endif
