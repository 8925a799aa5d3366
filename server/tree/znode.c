/* One znode: its allocation, and what is told of it. */
#include "tree/znode.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "wire/proto.h"

enum { ROOM_MIN = sizeof(uint8_t *), ROOM_MAX = UINT8_MAX };

static size_t room_for(struct slice data);
static bool stat_is_fresh(const struct stored_stat *stat);
static uint8_t *room_of(const struct znode *n);
static uint8_t *data_apart(const struct znode *n);

struct znode *znode_new(struct znode *parent, struct slice name, struct slice data, uint32_t acl,
                        const struct stored_stat *stat)
{
    size_t room = room_for(data), size = offsetof(struct znode, name) + (size_t)name.len + room;
    struct znode_more *more = NULL;
    struct znode *n;
    if (stat->ephemeral_owner != 0) {
        more = xmalloc(sizeof *more + size);
        *more = (struct znode_more){.owner = stat->ephemeral_owner};
        list_init(&more->of_owner);
        n = (struct znode *)(more + 1);
    } else {
        n = xmalloc(size);
    }
    *n = (struct znode){.more = more,
                        .czxid = stat->czxid,
                        .mzxid = stat->mzxid,
                        .ctime = stat->ctime,
                        .mtime = stat->mtime,
                        .version = stat->version,
                        .data_len = -1,
                        .acl = acl,
                        .parent = parent,
                        .name_len = (uint32_t)name.len,
                        .room = (uint8_t)room};
    if (more != NULL || !stat_is_fresh(stat)) {
        more = znode_more(n);
        more->pzxid = stat->pzxid;
        more->cversion = stat->cversion;
        more->aversion = stat->aversion;
    }
    if (name.len > 0) memcpy(n->name, name.p, (size_t)name.len);
    znode_data_put(n, data);
    return n;
}

void znode_free(struct znode *n)
{
    struct znode_more *more = n->more;
    free(data_apart(n));
    if (znode_owner(n) == 0) free(n);
    free(more); /* with an owner, it is where the allocation of both begins */
}

struct znode_more *znode_more(struct znode *n)
{
    if (n->more != NULL) return n->more;
    n->more = xmalloc(sizeof *n->more);
    *n->more = (struct znode_more){.pzxid = n->czxid};
    list_init(&n->more->of_owner);
    return n->more;
}

static size_t room_for(struct slice data)
{
    return data.len > ROOM_MIN && data.len <= ROOM_MAX ? (size_t)data.len : ROOM_MIN;
}

static bool stat_is_fresh(const struct stored_stat *stat)
{
    return stat->pzxid == stat->czxid && stat->cversion == 0 && stat->aversion == 0;
}

/* --- data --- */

struct slice znode_data(const struct znode *n)
{
    const uint8_t *apart = data_apart(n);
    return (struct slice){apart != NULL ? apart : room_of(n), n->data_len};
}

void znode_data_put(struct znode *n, struct slice data)
{
    uint8_t *former = data_apart(n);
    if (data.len > n->room) {
        uint8_t *apart = xmemdup(data.p, (size_t)data.len);
        memcpy(room_of(n), &apart, sizeof apart);
    } else if (data.len > 0) {
        memcpy(room_of(n), data.p, (size_t)data.len);
    }
    n->data_len = data.len;
    free(former);
}

static uint8_t *room_of(const struct znode *n)
{
    return (uint8_t *)n->name + n->name_len;
}

/* The data that did not fit into the room; NULL when it did. */
static uint8_t *data_apart(const struct znode *n)
{
    uint8_t *apart = NULL;
    if (n->data_len > n->room) memcpy(&apart, room_of(n), sizeof apart);
    return apart;
}

/* --- telling --- */

/* Containers have the sign bit alone, TTL znodes a high byte of ff and a zero feature id in bits 40 to 55. */
bool owner_is_session(int64_t owner)
{
    return owner != 0 && owner != OWNER_CONTAINER && (uint64_t)owner >> 40 != 0xff0000;
}

void znode_stat(const struct znode *n, struct zk_stat *s)
{
    int32_t children = znode_child_count(n);
    *s = (struct zk_stat){
        .czxid = n->czxid,
        .mzxid = n->mzxid,
        .ctime = n->ctime,
        .mtime = n->mtime,
        .version = n->version,
        /* Every creation and every deletion counts one; those still there were only created. Wraps, as in Java. */
        .cversion = (int32_t)((uint32_t)znode_cversion(n) * 2 - (uint32_t)children),
        .aversion = znode_aversion(n),
        .ephemeral_owner = znode_is_ephemeral(n) ? znode_owner(n) : 0,
        .data_length = znode_data_size(n),
        .num_children = children,
        .pzxid = znode_pzxid(n),
    };
}

struct stored_stat znode_stored_stat(const struct znode *n)
{
    return (struct stored_stat){
        .czxid = n->czxid,
        .mzxid = n->mzxid,
        .ctime = n->ctime,
        .mtime = n->mtime,
        .version = n->version,
        .cversion = znode_cversion(n),
        .aversion = znode_aversion(n),
        .ephemeral_owner = znode_owner(n),
        .pzxid = znode_pzxid(n),
    };
}

size_t znode_path_len(const struct znode *n)
{
    if (n->parent == NULL) return 1;
    size_t len = 0;
    for (; n->parent != NULL; n = n->parent) len += 1 + (size_t)n->name_len;
    return len;
}

void znode_path(const struct znode *n, struct bytes *b)
{
    if (n->parent == NULL) {
        bytes_u8(b, '/');
        return;
    }
    size_t len = znode_path_len(n);
    uint8_t *at = bytes_room(b, len) + len;
    for (; n->parent != NULL; n = n->parent) {
        at -= n->name_len;
        memcpy(at, n->name, n->name_len);
        *--at = '/';
    }
    bytes_grew(b, len);
}

void znode_path_put(const struct znode *n, struct bytes *b)
{
    if (n->parent == NULL) {
        bytes_i32(b, 0);
        return;
    }
    bytes_i32(b, (int32_t)znode_path_len(n));
    znode_path(n, b);
}

void znode_children_put(const struct znode *n, struct bytes *b)
{
    bytes_i32(b, znode_child_count(n));
    for (const struct znode *child = znode_first_child(n); child != NULL; child = child->sibling_next) {
        jute_put_string(b, znode_name(child));
    }
}
