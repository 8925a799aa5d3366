/* Who may do what: checking, tidying and adding identities. */
#include "tree/acl.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/xalloc.h"
#include "tree/dn.h"
#include "wire/java_text.h"
#include "wire/proto.h"

static const struct slice auth_scheme = {(const uint8_t *)"auth", 4};
static const struct slice digest_scheme = {(const uint8_t *)"digest", 6};
static const struct slice ip_scheme = {(const uint8_t *)"ip", 2};
static const struct slice sasl_scheme = {(const uint8_t *)"sasl", 4};
static const struct slice super_scheme = {(const uint8_t *)"super", 5};
static const struct slice x509_scheme = {(const uint8_t *)"x509", 4};

static bool is_world_anyone(struct identity who);
static bool any_matches(const struct auth_rules *rules, struct identity who, struct vector ids);
static bool id_is_valid(const struct auth_rules *rules, struct identity who);
static int32_t put_tidied(const struct auth_rules *rules, const struct acl_entry *e, struct vector ids,
                          struct bytes *out, int32_t *count);
static bool *find_repeated(struct vector acl, bool *comparable);
static bool digest_of(struct slice data, struct bytes *out);
static int32_t add_identity(struct bytes *ids, struct identity who);

/* Inside acl_allows(), which every request goes through. */
static inline bool has_scheme(struct vector ids, struct slice scheme)
{
    struct cursor at = vector_elements(ids);
    for (int32_t i = 0; i < ids.count; i++) {
        struct identity who;
        jute_get_identity(&at, &who);
        if (slice_equal(who.scheme, scheme)) return true;
    }
    return false;
}

bool acl_allows(const struct auth_rules *rules, struct vector acl, int32_t perms, struct vector ids)
{
    if (acl.count <= 0 || has_scheme(ids, super_scheme)) return true;
    struct cursor at = vector_elements(acl);
    for (int32_t i = 0; i < acl.count; i++) {
        struct acl_entry e;
        jute_get_acl_entry(&at, &e);
        if ((e.perms & perms) == 0) continue;
        if (is_world_anyone(e.who) || any_matches(rules, e.who, ids)) return true;
    }
    return false;
}

int32_t acl_fixup(const struct auth_rules *rules, struct vector acl, struct vector ids, struct bytes *out)
{
    if (acl.count <= 0) return ZK_INVALID_ACL;
    size_t from = bytes_waiting(out);
    int32_t count = 0, err = ZK_OK;
    bool comparable;
    bool *repeated = find_repeated(acl, &comparable);
    struct cursor at = vector_elements(acl);
    bytes_i32(out, 0);
    if (!comparable) err = ZK_MARSHALLING_ERROR;
    for (int32_t i = 0; i < acl.count && err == ZK_OK; i++) {
        struct acl_entry e;
        jute_get_acl_entry(&at, &e);
        if (!repeated[i]) err = put_tidied(rules, &e, ids, out, &count);
        /* Many auth entries times many identities: more than any peer would take. */
        if (bytes_waiting(out) - from > JUTE_MAXBUFFER) err = ZK_INVALID_ACL;
    }
    free(repeated);
    if (err == ZK_OK)
        be32_put(out->data + out->head + from, (uint32_t)count);
    else
        out->len = out->head + from;
    return err;
}

int32_t auth_add(const struct auth_rules *rules, struct bytes *ids, struct slice scheme, struct slice data)
{
    if (slice_equal(scheme, ip_scheme)) return ZK_OK;
    if (rules->x509 && slice_equal(scheme, x509_scheme))
        return auth_has(vector_trusted(bytes_slice(ids)), x509_scheme) ? ZK_OK : ZK_AUTH_FAILED;
    if (!slice_equal(scheme, digest_scheme) || slice_is_null(data)) return ZK_AUTH_FAILED;
    struct bytes digest = {0};
    int32_t err = ZK_AUTH_FAILED;
    if (!digest_of(data, &digest)) goto out;
    err = ZK_OK;
    if (rules->super_digest != NULL && secret_equal(bytes_slice(&digest), slice_str(rules->super_digest))) {
        err = add_identity(ids, (struct identity){super_scheme, SLICE_OF("")});
    }
    if (err == ZK_OK) err = add_identity(ids, (struct identity){digest_scheme, bytes_slice(&digest)});
out:
    bytes_free(&digest);
    return err;
}

int32_t auth_add_x509(const struct auth_rules *rules, struct bytes *ids, struct slice subject)
{
    int32_t err = ZK_OK;
    if (rules->x509_super != NULL && slice_equal(subject, slice_str(rules->x509_super)))
        err = add_identity(ids, (struct identity){super_scheme, subject});
    return err == ZK_OK ? add_identity(ids, (struct identity){x509_scheme, subject}) : err;
}

int32_t auth_add_sasl(const struct auth_rules *rules, struct bytes *ids, struct slice user)
{
    int32_t err = add_identity(ids, (struct identity){sasl_scheme, user});
    for (const char *const *s = rules->sasl_supers; s != NULL && *s != NULL && err == ZK_OK; s++)
        if (slice_equal(user, slice_str(*s))) err = add_identity(ids, (struct identity){super_scheme, SLICE_OF("")});
    return err;
}

bool auth_has(struct vector ids, struct slice scheme)
{
    return has_scheme(ids, scheme);
}

void auth_init(struct bytes *ids, struct slice address)
{
    bytes_clear(ids);
    bytes_i32(ids, 1);
    jute_put_identity(ids, (struct identity){ip_scheme, address});
}

void acl_put_redacted(const struct auth_rules *rules, struct bytes *b, struct vector acl, struct vector ids)
{
    if (acl.count <= 0 || acl_allows(rules, acl, PERM_ADMIN, ids)) {
        jute_put_vector(b, acl);
        return;
    }
    struct cursor at = vector_elements(acl);
    bytes_i32(b, acl.count);
    for (int32_t i = 0; i < acl.count; i++) {
        struct acl_entry e;
        jute_get_acl_entry(&at, &e);
        const uint8_t *colon = e.who.id.len > 0 ? memchr(e.who.id.p, ':', (size_t)e.who.id.len) : NULL;
        if (colon == NULL || !slice_equal(e.who.scheme, digest_scheme)) {
            jute_put_acl_entry(b, e);
            continue;
        }
        size_t user = (size_t)(colon - e.who.id.p);
        bytes_i32(b, e.perms);
        jute_put_string(b, e.who.scheme);
        bytes_i32(b, (int32_t)user + 2);
        bytes_put(b, e.who.id.p, user);
        bytes_put(b, ":x", 2);
    }
}

/* --- matching --- */

static bool is_world_anyone(struct identity who)
{
    return slice_equal(who.scheme, SLICE_OF("world")) && slice_equal(who.id, SLICE_OF("anyone"));
}

/* A decimal number as Integer.parseInt takes it; -1 when it is none or not within [0, max]. */
static int parse_number(struct slice s, int max)
{
    int32_t i = 0, v = 0;
    bool minus = s.len > 0 && s.p[0] == '-';
    if (s.len > 0 && (s.p[0] == '+' || minus)) i++;
    if (i >= s.len) return -1;
    for (; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') return -1;
        v = v * 10 + (s.p[i] - '0');
        if (v > max) return -1;
    }
    return minus && v > 0 ? -1 : v;
}

/* The part of s before the first `by`; s becomes what follows it, null when there is none. */
static struct slice slice_cut(struct slice *s, char by)
{
    const uint8_t *at = s->len > 0 ? memchr(s->p, by, (size_t)s->len) : NULL;
    struct slice before = *s;
    if (at == NULL) {
        *s = SLICE_NULL;
    } else {
        before.len = (int32_t)(at - s->p);
        *s = slice_of(at + 1, (size_t)(s->len - before.len - 1));
    }
    return before;
}

static bool parse_ipv4(struct slice s, uint32_t *address)
{
    *address = 0;
    for (int i = 0; i < 4; i++) {
        if (slice_is_null(s)) return false;
        int v = parse_number(slice_cut(&s, '.'), 255);
        if (v < 0) return false;
        *address = *address << 8 | (uint32_t)v;
    }
    return slice_is_null(s);
}

/* "10.0.0.0/8": the address and a mask of its leading bits. */
static bool parse_ip_range(struct slice s, uint32_t *address, uint32_t *mask)
{
    struct slice text = slice_cut(&s, '/');
    if (!parse_ipv4(text, address)) return false;
    int bits = slice_is_null(s) ? 32 : parse_number(s, 32);
    if (bits < 0) return false;
    *mask = bits == 0 ? 0 : UINT32_MAX << (32 - bits);
    return true;
}

static bool ip_matches(struct slice id, struct slice range)
{
    uint32_t have, want, mask;
    return parse_ip_range(range, &want, &mask) && parse_ipv4(id, &have) && ((have ^ want) & mask) == 0;
}

static bool equals_text(struct slice s, const char *text)
{
    return text != NULL && slice_equal(s, slice_str(text));
}

/* Whether a client's identity is who an ACL entry of the same scheme means. */
static bool matches(const struct auth_rules *rules, struct slice scheme, struct slice have, struct slice want)
{
    if (slice_equal(scheme, ip_scheme)) return ip_matches(have, want);
    if (slice_equal(scheme, digest_scheme)) return secret_equal(have, want);
    if (slice_equal(scheme, sasl_scheme))
        return slice_equal(have, SLICE_OF("super")) || slice_equal(have, want) || equals_text(want, rules->sasl_any);
    return slice_equal(have, want) || equals_text(have, rules->x509_super);
}

static bool scheme_is_known(const struct auth_rules *rules, struct slice scheme)
{
    return slice_equal(scheme, ip_scheme) || slice_equal(scheme, digest_scheme) ||
           (rules->sasl && slice_equal(scheme, sasl_scheme)) || (rules->x509 && slice_equal(scheme, x509_scheme));
}

static bool any_matches(const struct auth_rules *rules, struct identity who, struct vector ids)
{
    if (!scheme_is_known(rules, who.scheme)) return false;
    struct cursor at = vector_elements(ids);
    for (int32_t i = 0; i < ids.count; i++) {
        struct identity have;
        jute_get_identity(&at, &have);
        if (slice_equal(have.scheme, who.scheme) && matches(rules, who.scheme, have.id, who.id)) return true;
    }
    return false;
}

/* --- tidying --- */

/* Two parts at the colon, of which the second is not empty; empty parts at the end do not count. */
static bool digest_id_is_valid(struct slice id)
{
    while (id.len > 0 && id.p[id.len - 1] == ':') id.len--;
    int colons = 0;
    for (int32_t i = 0; i < id.len; i++) colons += id.p[i] == ':';
    return colons == 1;
}

/* A Kerberos principal, "service/host@realm", or any name without an @. Source: KerberosName.java. */
static bool sasl_id_is_valid(struct slice id)
{
    if (id.len < 0) return false;
    int ats = 0, slashes = 0;
    for (int32_t i = 0; i < id.len; i++) {
        if (id.p[i] == '@')
            ats++;
        else if (id.p[i] == '/')
            slashes += ats == 0 ? 1 : 2; /* none in the realm */
    }
    return ats == 0 || (ats == 1 && slashes <= 1);
}

static bool id_is_valid(const struct auth_rules *rules, struct identity who)
{
    uint32_t address, mask;
    if (!scheme_is_known(rules, who.scheme)) return false;
    if (slice_equal(who.scheme, digest_scheme)) return digest_id_is_valid(who.id);
    if (slice_equal(who.scheme, ip_scheme)) return parse_ip_range(who.id, &address, &mask);
    return slice_equal(who.scheme, sasl_scheme) ? sasl_id_is_valid(who.id) : dn_is_valid(who.id);
}

/* Where Java runs into a null: an id that is looked into. */
static bool trips_over_null(const struct auth_rules *rules, struct identity who)
{
    return slice_is_null(who.id) && (slice_equal(who.scheme, SLICE_OF("world")) || scheme_is_known(rules, who.scheme));
}

static int32_t put_tidied(const struct auth_rules *rules, const struct acl_entry *e, struct vector ids,
                          struct bytes *out, int32_t *count)
{
    if (!slice_equal(e->who.scheme, auth_scheme)) {
        if (trips_over_null(rules, e->who)) return ZK_MARSHALLING_ERROR;
        if (!is_world_anyone(e->who) && !id_is_valid(rules, e->who)) return ZK_INVALID_ACL;
        bytes_i32(out, e->perms);
        jute_put_string(out, e->who.scheme);
        java_string_put(out, e->who.id);
        ++*count;
        return ZK_OK;
    }
    int32_t before = *count;
    struct cursor at = vector_elements(ids);
    for (int32_t i = 0; i < ids.count; i++) {
        struct identity who;
        jute_get_identity(&at, &who);
        /* An address proves nothing; super is no scheme of its own. */
        if (slice_equal(who.scheme, ip_scheme) || !scheme_is_known(rules, who.scheme)) continue;
        jute_put_acl_entry(out, (struct acl_entry){e->perms, who});
        ++*count;
    }
    return *count > before ? ZK_OK : ZK_INVALID_ACL;
}

struct placed_entry {
    struct acl_entry e;
    struct slice encoded;
    int32_t place;
};

static int by_slice(struct slice x, struct slice y)
{
    if (x.len != y.len) return x.len < y.len ? -1 : 1;
    return x.len > 0 ? memcmp(x.p, y.p, (size_t)x.len) : 0;
}

static int by_entry_then_place(const void *a, const void *b)
{
    const struct placed_entry *x = a, *y = b;
    if (x->e.perms != y->e.perms) return x->e.perms < y->e.perms ? -1 : 1;
    int order = by_slice(x->e.who.scheme, y->e.who.scheme);
    if (order == 0) order = by_slice(x->e.who.id, y->e.who.id);
    return order != 0 ? order : x->place < y->place ? -1 : 1;
}

/* Java compares an entry with those kept before it: perms, scheme, id, until two differ; a null of its own that it
 * comes to is the end of it. So is a null scheme behind an entry with the same perms, a null id behind one that has the
 * scheme too. Null sorts before all. */
static bool all_comparable(const struct placed_entry *entries, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t end = i;
        int32_t first = entries[i].place;
        bool of_perms = slice_is_null(entries[i].e.who.scheme); /* then all of the same perms count */
        for (; end < n && entries[end].e.perms == entries[i].e.perms &&
               (of_perms || slice_equal(entries[end].e.who.scheme, entries[i].e.who.scheme));
             end++) {
            if (entries[end].place < first) first = entries[end].place;
        }
        size_t nulls = 0;
        for (size_t k = i; k < end; k++) {
            struct slice looked_at = of_perms ? entries[k].e.who.scheme : entries[k].e.who.id;
            if (!slice_is_null(looked_at)) break;
            nulls++;
            if (entries[k].place > first) return false;
        }
        i += of_perms ? nulls : end - i;
    }
    return true;
}

/* For each entry whether an equal one stands before it. Sorts, as a frame may bring tens of thousands. Caller frees. */
static bool *find_repeated(struct vector acl, bool *comparable)
{
    size_t n = (size_t)acl.count;
    bool *repeated = xcalloc(n, sizeof *repeated);
    struct placed_entry *entries = xmalloc(n * sizeof *entries);
    struct cursor at = vector_elements(acl);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *from = at.p;
        jute_get_acl_entry(&at, &entries[i].e);
        entries[i].encoded = slice_of(from, (size_t)(at.p - from));
        entries[i].place = (int32_t)i;
    }
    qsort(entries, n, sizeof *entries, by_entry_then_place);
    for (size_t i = 1; i < n; i++) {
        repeated[entries[i].place] = slice_equal(entries[i].encoded, entries[i - 1].encoded);
    }
    *comparable = all_comparable(entries, n);
    free(entries);
    return repeated;
}

/* --- identities --- */

/* "user:BASE64(SHA1(data))" of data "user:password"; without a colon the user is all of it. */
static bool digest_of(struct slice data, struct bytes *out)
{
    enum { SHA1_SIZE = 20, BASE64_SIZE = 28 };
    uint8_t sum[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    struct bytes text = {0};
    java_text_put_utf8(&text, data);
    int hashed = EVP_Digest(text.data, text.len, sum, &size, EVP_sha1(), NULL);
    OPENSSL_cleanse(text.data, text.len);
    bytes_free(&text);
    if (hashed != 1 || size != SHA1_SIZE) return false;
    struct slice rest = data, user = slice_cut(&rest, ':');
    java_text_put(out, user);
    bytes_u8(out, ':');
    EVP_EncodeBlock(bytes_room(out, BASE64_SIZE + 1), sum, SHA1_SIZE);
    bytes_grew(out, BASE64_SIZE);
    return true;
}

static int32_t add_identity(struct bytes *ids, struct identity who)
{
    if (bytes_waiting(ids) == 0) bytes_i32(ids, 0);
    struct vector have = vector_trusted(bytes_slice(ids));
    struct cursor at = vector_elements(have);
    for (int32_t i = 0; i < have.count; i++) {
        struct identity other;
        jute_get_identity(&at, &other);
        if (slice_equal(other.scheme, who.scheme) && slice_equal(other.id, who.id)) return ZK_OK;
    }
    /* They travel with each request to the leader: no more than it would read. */
    if (bytes_waiting(ids) + (size_t)who.scheme.len + (size_t)who.id.len + 8 > JUTE_MAXBUFFER) return ZK_AUTH_FAILED;
    jute_put_identity(ids, who);
    be32_put(ids->data + ids->head, (uint32_t)have.count + 1);
    return ZK_OK;
}
