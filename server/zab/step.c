/* Adding to an update. */
#include "zab/step.h"

#include <stdlib.h>

#include "base/xalloc.h"

/* Room for one more in a growing array. */
static void *grown(void *array, size_t count, size_t *cap, size_t size)
{
    if (count < *cap) return array;
    *cap = *cap ? *cap * 2 : 16;
    return xrealloc(array, *cap * size);
}

void update_clear(struct update *u)
{
    u->n_disk = u->n_snap = u->n_outputs = u->n_links = u->n_sasl = u->n_facts = 0;
    u->turn++;
}

void update_free(struct update *u)
{
    free(u->disk);
    free(u->snap);
    free(u->outputs);
    free(u->links);
    free(u->sasl);
    free(u->facts);
    *u = (struct update){0};
}

void update_disk(struct update *u, struct disk_op op)
{
    u->disk = grown(u->disk, u->n_disk, &u->cap_disk, sizeof *u->disk);
    u->disk[u->n_disk++] = op;
}

void update_snap(struct update *u, struct snap_op op)
{
    u->snap = grown(u->snap, u->n_snap, &u->cap_snap, sizeof *u->snap);
    u->snap[u->n_snap++] = op;
}

void update_output(struct update *u, enum link_kind kind, int64_t id)
{
    u->outputs = grown(u->outputs, u->n_outputs, &u->cap_outputs, sizeof *u->outputs);
    u->outputs[u->n_outputs++] = (struct link_ref){kind, id};
}

void update_link(struct update *u, enum link_op_type type, enum link_kind kind, int64_t id)
{
    u->links = grown(u->links, u->n_links, &u->cap_links, sizeof *u->links);
    u->links[u->n_links++] = (struct link_op){type, kind, id};
}

void update_sasl(struct update *u, struct sasl_op op)
{
    u->sasl = grown(u->sasl, u->n_sasl, &u->cap_sasl, sizeof *u->sasl);
    u->sasl[u->n_sasl++] = op;
}

void update_fact(struct update *u, struct fact f)
{
    u->facts = grown(u->facts, u->n_facts, &u->cap_facts, sizeof *u->facts);
    u->facts[u->n_facts++] = f;
}
