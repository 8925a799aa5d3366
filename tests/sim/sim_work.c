/* What simulated clients ask for. */
#include "tests/sim/sim_work.h"

#include <stdio.h>

#include "tests/sim/sim_world.h"
#include "wire/proto.h"

enum { TOPS = 6, LEAVES = 3 };

static void random_path(struct sim_client *c, char path[PATH_SIZE]);
static void write_sub(struct sim_client *c, struct sub *s);
static void create_sub(struct sim_client *c, struct sub *s);

void work_next(struct sim_client *c, struct op *op)
{
    struct world *w = c->world;
    *op = (struct op){.n_subs = 1};
    struct sub *s = &op->subs[0];
    int64_t dice = world_below(w, 100);
    if (dice < 50) {
        write_sub(c, s);
    } else if (dice < 58) {
        op->type = OP_MULTI;
        op->n_subs = 1 + (int)world_below(w, SUBS_MAX);
        for (int i = 0; i < op->n_subs; i++) {
            write_sub(c, &op->subs[i]);
            if (world_once_in(w, 4)) op->subs[i].type = OP_CHECK;
        }
        return;
    } else if (dice < 93) {
        static const int32_t reads[] = {OP_GET_DATA, OP_EXISTS, OP_GET_CHILDREN, OP_GET_CHILDREN2};
        s->type = reads[world_below(w, 4)];
        random_path(c, s->path);
        op->watch = c->n_watches < WATCHES_MAX - WINDOW_MAX && world_once_in(w, 3);
    } else if (dice < 99 || !world_once_in(w, 3)) {
        s->type = OP_SYNC;
        random_path(c, s->path);
    } else {
        s->type = OP_CLOSE_SESSION;
    }
    op->type = s->type;
}

/* One of the well-known paths, or one that this client made. */
static void random_path(struct sim_client *c, char path[PATH_SIZE])
{
    struct world *w = c->world;
    char top = (char)('a' + world_below(w, TOPS));
    int64_t dice = world_below(w, 10);
    if (dice < 4)
        memcpy(path, (char[]){'/', top, '\0'}, 3);
    else if (dice < 8 || c->n_recent == 0)
        memcpy(path, (char[]){'/', top, '/', (char)('x' + world_below(w, LEAVES)), '\0'}, 5);
    else
        memcpy(path, c->recent[world_below(w, c->n_recent)], PATH_SIZE);
}

/* "c<client>.<serial>"; printf would be a good part of a run. */
static void put_data(char data[DATA_SIZE], int client, int serial)
{
    char digits[12];
    int n = 0;
    data[0] = 'c';
    data[1] = (char)('0' + client % 10);
    data[2] = '.';
    do digits[n++] = (char)('0' + serial % 10);
    while ((serial /= 10) > 0);
    for (int i = 0; i < n; i++) data[3 + i] = digits[n - 1 - i];
    data[3 + n] = '\0';
}

static void write_sub(struct sim_client *c, struct sub *s)
{
    struct world *w = c->world;
    *s = (struct sub){.version = world_once_in(w, 4) ? (int32_t)world_below(w, 4) : -1};
    int64_t dice = world_below(w, 10);
    bool many = c->n_recent == RECENT_MAX && world_once_in(w, 2);
    put_data(s->data, c->index + 1, ++c->serial);
    random_path(c, s->path);
    if (many) { /* keeps the tree small */
        s->type = OP_DELETE;
        s->version = -1;
        memcpy(s->path, c->recent[--c->n_recent], PATH_SIZE);
    } else if (dice < 4)
        create_sub(c, s);
    else if (dice < 7)
        s->type = OP_SET_DATA;
    else
        s->type = OP_DELETE;
}

static void create_sub(struct sim_client *c, struct sub *s)
{
    struct world *w = c->world;
    s->type = OP_CREATE;
    int64_t dice = world_below(w, 10);
    if (dice < 5) return;
    if (dice < 8) {
        s->flags = MODE_EPHEMERAL;
        return;
    }
    s->flags = dice < 9 ? MODE_PERSISTENT_SEQUENTIAL : MODE_EPHEMERAL_SEQUENTIAL;
    snprintf(s->path, sizeof s->path, "/%c/n-", (char)('a' + world_below(w, TOPS)));
}
