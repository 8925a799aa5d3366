/* Facts: their names and their two printed forms. */
#include "wire/fact.h"

#include <inttypes.h>

#include "wire/peer_records.h"

enum { FIELDS_MAX = 4 };

struct kind_row {
    const char *name;
    char level;
    struct {
        enum fact_field type;
        const char *name;
    } fields[FIELDS_MAX];
};

#define FACT_ROW(kind, name, level, t0, n0, t1, n1, t2, n2, t3, n3)                                                    \
    [kind] = {name, level, {{FIELD_##t0, n0}, {FIELD_##t1, n1}, {FIELD_##t2, n2}, {FIELD_##t3, n3}}},
static const struct kind_row kinds[FACT_KINDS] = {FACTS(FACT_ROW)};

#define REASON_ROW(reason, text) [reason] = text,
static const char *const reasons[REASON_COUNT] = {REASONS(REASON_ROW)};

const char *fact_name(enum fact_kind kind)
{
    return kinds[kind].name;
}

char fact_level(enum fact_kind kind)
{
    return kinds[kind].level;
}

const char *reason_text(enum reason r)
{
    return r < REASON_COUNT ? reasons[r] : "unknown";
}

const char *sync_mode_name(enum sync_mode m)
{
    static const char *const names[] = {"DIFF", "TRUNC", "SNAP"};
    return m <= SYNC_SNAP ? names[m] : "unknown";
}

const char *link_kind_name(enum link_kind k)
{
    static const char *const names[] = {"client", "election", "learner", "leader"};
    return k <= LINK_LEADER ? names[k] : "unknown";
}

static void put_field(struct bytes *b, enum fact_field type, int64_t v, const char *quote)
{
    switch (type) {
    case FIELD_NONE: break;
    case FIELD_NUMBER: bytes_printf(b, "%" PRId64, v); break;
    case FIELD_HEX: bytes_printf(b, "%s0x%" PRIx64 "%s", quote, (uint64_t)v, quote); break;
    case FIELD_STATE: bytes_printf(b, "%s%s%s", quote, peer_state_name((enum peer_state)v), quote); break;
    case FIELD_SYNC_MODE: bytes_printf(b, "%s%s%s", quote, sync_mode_name((enum sync_mode)v), quote); break;
    case FIELD_REASON: bytes_printf(b, "%s%s%s", quote, reason_text((enum reason)v), quote); break;
    case FIELD_LINK: bytes_printf(b, "%s%s%s", quote, link_kind_name((enum link_kind)v), quote); break;
    }
}

void fact_json(struct bytes *b, int64_t sid, const struct fact *f)
{
    const struct kind_row *row = &kinds[f->kind];
    bytes_printf(b, "{\"t\":%" PRId64 ",\"sid\":%" PRId64 ",\"fact\":\"%s\"", f->at_us, sid, row->name);
    for (int i = 0; i < FIELDS_MAX && row->fields[i].type != FIELD_NONE; i++) {
        bytes_printf(b, ",\"%s\":", row->fields[i].name);
        put_field(b, row->fields[i].type, f->v[i], "\"");
    }
    bytes_printf(b, "}\n");
}

void fact_text(struct bytes *b, const struct fact *f)
{
    const struct kind_row *row = &kinds[f->kind];
    bytes_printf(b, "%s", row->name);
    for (int i = 0; i < FIELDS_MAX && row->fields[i].type != FIELD_NONE; i++) {
        bytes_printf(b, " %s=", row->fields[i].name);
        put_field(b, row->fields[i].type, f->v[i], row->fields[i].type == FIELD_REASON ? "'" : "");
    }
}
