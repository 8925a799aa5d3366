/* Operations on disks: disk, and what heal does about them. */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/ops.h"
#include "launcher/text.h"

static void put_what(struct bytes *b, const struct disk *disk);
static bool targets_serve(struct op *o);

bool op_begin_disk(struct op *o, const json_t *request)
{
    struct supervisor *s = o->of;
    const char *mode = fact_string(request, "mode");
    struct disk disk = {.slow_us = fact_number(request, "slow_us", 0)};
    while (disk.mode < DISK_MODES && strcmp(disk_mode_name(disk.mode), mode) != 0) disk.mode++;
    if (disk.mode == DISK_MODES) {
        op_refuse(o, EXIT_USAGE, xstrdup("a disk can be slow, full, eio or ok"));
        return false;
    }
    if (!op_begin_targets(o, request)) return false;
    if (!op_spares_apache(o, NULL,
                          "its files are the JVM's, and no disk can be put between; what comes near it: pause for a "
                          "disk that hangs, kill for one that fails"))
        return false;
    bool broken = false;
    struct bytes text = {0};
    for (size_t i = 0; i < s->n; i++) broken |= o->target[i] && s->servers[i].disk.mode;
    op_put_targets(&text, o);
    put_what(&text, &disk);
    char *what = op_take_text(&text);
    if (disk.mode == DISK_OK && !broken) {
        op_refuse(o, EXIT_REFUSED,
                  xasprintf("no disk is broken there; break one: %s disk TARGET full", s->cluster->call));
        free(what);
        return false;
    }
    op_headline(o, "disk: %s", what);
    free(what);
    if (disk.mode == DISK_OK) op_mend_disks(o);
    for (size_t i = 0; i < s->n && disk.mode != DISK_OK; i++) {
        if (!o->target[i]) continue;
        s->servers[i].disk = disk;
        disk_apply(&s->servers[i]);
    }
    o->one_way = disk.mode == DISK_OK; /* it is a repair */
    return true;
}

bool op_disk_done(struct op *o)
{
    struct supervisor *s = o->of;
    if (o->one_way) op_revive(o);
    if (!orders_answered(s)) return false;
    if (o->one_way && voters_joined(s) >= voters_needed(s) && (!targets_serve(o) || s->measuring)) return false;
    o->outcome = "done";
    return true;
}

void op_mend_disks(struct op *o)
{
    for (size_t i = 0; i < o->of->n; i++) {
        struct server *v = &o->of->servers[i];
        if (!o->target[i] || !v->disk.mode) continue;
        o->revives[i] = v->disk.mode != DISK_SLOW;
        v->disk = (struct disk){0};
        disk_apply(v);
    }
    op_revive(o);
}

/* One that was about to fail when its disk was mended may end after that. */
void op_revive(struct op *o)
{
    const char *why;
    for (size_t i = 0; i < o->of->n; i++) {
        struct server *v = &o->of->servers[i];
        if (!o->revives[i] || !server_disk_failed(v)) continue;
        o->revives[i] = false;
        server_event(v, SUPERVISE_START, &why);
    }
}

static void put_what(struct bytes *b, const struct disk *disk)
{
    static const char *const texts[DISK_MODES] = {[DISK_OK] = "; in order again",
                                                  [DISK_SLOW] = "; each sync takes longer by ",
                                                  [DISK_FULL] = "; full, so that the next write ends the server",
                                                  [DISK_EIO] =
                                                      "; fails with EIO, so that the next write ends the server"};
    bytes_printf(b, "%s", texts[disk->mode]);
    if (disk->mode == DISK_SLOW) put_duration(b, disk->slow_us);
}

/* Those that run, as far as they can. */
static bool targets_serve(struct op *o)
{
    struct supervisor *s = o->of;
    const struct server *leader = leader_now(s);
    for (size_t i = 0; i < s->n; i++) {
        const struct server *v = &s->servers[i];
        if (!o->target[i] || !supervise_running(v->state) || v->view.serving) continue;
        bool apart = leader && !links_joined(&s->links, (size_t)(leader - s->servers), i);
        if (!apart || !v->view.ready) return false;
    }
    return true;
}
