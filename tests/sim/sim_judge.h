/* Judging what clients are told, against the ledger and the model. */
#ifndef SIM_JUDGE_H
#define SIM_JUDGE_H

#include "tests/sim/sim_client.h"
#include "wire/client_records.h"

/* A reply to op; body is what follows the header. */
void judge_reply(struct sim_client *c, const struct op *op, const struct reply_header *h, struct cursor *body);
/* Any reply that names a zxid: time does not go back, and what it reflects was announced before. */
void judge_zxid(struct sim_client *c, int64_t zxid);
void judge_notification(struct sim_client *c, const struct watcher_event *e);
/* setWatches was answered: what changed meanwhile was announced. */
void judge_rearmed(struct sim_client *c, int64_t zxid);
void judge_session(struct sim_client *c, bool is_new);

#endif
