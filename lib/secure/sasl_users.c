/* Users and what their passwords became. */
#include "secure/sasl_users.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/secret.h"
#include "base/xalloc.h"

static const char prefix[] = "user_";

static bool add(struct sasl_users *u, const char *name, const char *password);

bool sasl_users_take(struct sasl_users *u, const struct jaas *section, const char *super_password)
{
    *u = (struct sasl_users){0};
    for (size_t i = 0; i < section->count; i++) {
        const struct jaas_option *o = &section->options[i];
        if (strncmp(o->key, prefix, sizeof prefix - 1) != 0) continue;
        const char *name = o->key + sizeof prefix - 1;
        bool super = strcmp(name, "super") == 0 && *super_password != '\0';
        if (!add(u, name, super ? super_password : o->value)) return false;
    }
    return true;
}

void sasl_users_free(struct sasl_users *u)
{
    for (size_t i = 0; i < u->count; i++) {
        secret_wipe(u->list[i].hash, sizeof u->list[i].hash);
        free(u->list[i].name);
    }
    free(u->list);
    *u = (struct sasl_users){0};
}

const struct sasl_user *sasl_user_find(const struct sasl_users *u, const char *name)
{
    for (size_t i = u->count; i > 0; i--) /* of two with one name the later counts */
        if (strcmp(u->list[i - 1].name, name) == 0) return &u->list[i - 1];
    return NULL;
}

/* ISO 8859-1 where that has all the characters: RFC 2831, 2.1.2.1. */
static void put_narrow(struct bytes *b, const char *text)
{
    bool narrow = true;
    for (const unsigned char *p = (const unsigned char *)text; *p && narrow; p++)
        if (*p >= 0x80) {
            narrow = (*p == 0xc2 || *p == 0xc3) && (p[1] & 0xc0) == 0x80;
            p += narrow;
        }
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (narrow && *p >= 0x80) {
            bytes_u8(b, (uint8_t)((p[0] & 3) << 6 | (p[1] & 0x3f)));
            p++;
        } else {
            bytes_u8(b, *p);
        }
}

static bool add(struct sasl_users *u, const char *name, const char *password)
{
    enum { MD5_SIZE = 16 };
    struct bytes text = {0};
    uint8_t sum[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    put_narrow(&text, name);
    bytes_printf(&text, ":%s:", SASL_HOST);
    put_narrow(&text, password);
    bool done = EVP_Digest(text.data, text.len, sum, &size, EVP_md5(), NULL) == 1 && size == MD5_SIZE;
    secret_wipe(text.data, text.cap);
    bytes_free(&text);
    if (!done) return false;
    u->list = xrealloc(u->list, (u->count + 1) * sizeof *u->list);
    struct sasl_user *user = &u->list[u->count++];
    user->name = xstrdup(name);
    for (int i = 0; i < MD5_SIZE; i++) snprintf(user->hash + 2 * i, 3, "%02x", sum[i]);
    secret_wipe(sum, sizeof sum);
    return true;
}
