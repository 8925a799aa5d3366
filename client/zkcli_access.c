/* Commands on permissions and identities. Source of the words: GetAclCommand.java, SetAclCommand.java,
 * WhoAmICommand.java. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/acl_text.h"
#include "client/zkcli.h"

static void acl_say(struct shell *sh, struct vector acl);
static int set_tree(struct shell *sh, const char *path, struct vector acl, int32_t version);
static int32_t set_one(struct shell *sh, const char *path, struct vector acl, int32_t version, struct zk_stat *stat);
static void identities_say(struct shell *sh, struct vector identities);

int cmd_getacl(struct shell *sh, const struct args *a)
{
    if (!path_fine(sh, a->words[0], false)) return STATUS_FAILED;
    json_text(sh, "path", slice_str(a->words[0]));
    struct zk_answer answer = {0};
    zk_get_acl(sh->zk, a->words[0], zk_answer_take, &answer);
    int status = shell_await(sh, &answer, a->words[0]);
    if (status == STATUS_OK) {
        acl_say(sh, answer.reply.acl);
        say_stat(sh, &answer.reply.stat, a->flag['s']);
    }
    zk_answer_free(&answer);
    return status;
}

int cmd_setacl(struct shell *sh, const struct args *a)
{
    const char *path = a->words[0];
    int32_t version;
    if (a->count > 2)
        return say_error(sh, STATUS_FAILED, "USAGE", "too many words: %s (a version goes behind -v)", a->words[2]);
    if (!version_take(sh, a, &version)) return STATUS_FAILED;
    struct bytes raw = {0};
    char *wrong = acl_text_parse(&raw, a->words[1]);
    struct vector acl = vector_trusted(bytes_slice(&raw));
    int status = STATUS_FAILED;
    if (wrong != NULL) {
        say_error(sh, STATUS_FAILED, "INVALIDACL", "%s", wrong);
    } else if (path_fine(sh, path, false)) {
        json_text(sh, "path", slice_str(path));
        struct zk_stat stat;
        if (a->flag['R']) {
            status = set_tree(sh, path, acl, version);
        } else {
            status = shell_report(sh, set_one(sh, path, acl, version, &stat), path);
            if (status == STATUS_OK) say_stat(sh, &stat, a->flag['s']);
        }
    }
    free(wrong);
    bytes_free(&raw);
    return status;
}

int cmd_addauth(struct shell *sh, const struct args *a)
{
    json_text(sh, "scheme", slice_str(a->words[0]));
    struct zk_answer answer = {0};
    zk_auth(sh->zk, a->words[0], a->words[1] ? slice_str(a->words[1]) : SLICE_NULL, zk_answer_take, &answer);
    int status = shell_await(sh, &answer, a->words[0]);
    zk_answer_free(&answer);
    return status;
}

int cmd_whoami(struct shell *sh, const struct args *a)
{
    (void)a;
    struct zk_answer answer = {0};
    zk_whoami(sh->zk, zk_answer_take, &answer);
    int32_t err = shell_answer(sh, &answer);
    int status;
    if (err == ZK_UNIMPLEMENTED)
        status = say_error(sh, STATUS_FAILED, zk_error_name(err), "the server is too old for whoami (3.7 has it)");
    else
        status = shell_report(sh, err, NULL);
    if (status == STATUS_OK) identities_say(sh, answer.reply.identities);
    zk_answer_free(&answer);
    return status;
}

static void acl_say(struct shell *sh, struct vector acl)
{
    json_t *list = json_array();
    struct bytes text = {0}, perms = {0};
    struct cursor c = acl.count > 0 ? vector_elements(acl) : (struct cursor){0};
    for (int32_t i = 0; i < acl.count; i++) {
        struct acl_entry e;
        jute_get_acl_entry(&c, &e);
        acl_text_print(&text, &e);
        bytes_clear(&perms);
        acl_perms_print(&perms, e.perms);
        json_t *o = json_object();
        json_object_set_new(o, "scheme", json_text_of(e.who.scheme));
        json_object_set_new(o, "id", json_text_of(e.who.id));
        json_object_set_new(o, "perms", json_text_of(bytes_slice(&perms)));
        json_array_append_new(list, o);
    }
    say(sh, "%.*s", SLICE_ARG(bytes_slice(&text)));
    json_field(sh, "acl", list);
    bytes_free(&text);
    bytes_free(&perms);
}

/* What cannot be set is told, and the rest is set all the same, as Apache's shell does. */
static int set_tree(struct shell *sh, const char *path, struct vector acl, int32_t version)
{
    struct paths p;
    int status = tree_list(sh, path, &p);
    int64_t changed = 0;
    bool listed = status == STATUS_OK;
    for (size_t i = 0; listed && i < p.count && signal_seen() == 0 && status != STATUS_NO_SERVER; i++) {
        struct zk_stat stat;
        int32_t err = set_one(sh, p.list[i], acl, version, &stat);
        if (err == ZK_OK)
            changed++;
        else
            status = shell_report(sh, err, p.list[i]);
    }
    json_number(sh, "changed", changed);
    paths_free(&p);
    return status;
}

static int32_t set_one(struct shell *sh, const char *path, struct vector acl, int32_t version, struct zk_stat *stat)
{
    struct zk_answer answer = {0};
    zk_set_acl(sh->zk, path, acl, version, zk_answer_take, &answer);
    int32_t err = shell_answer(sh, &answer);
    *stat = answer.reply.stat;
    zk_answer_free(&answer);
    return err;
}

static void identities_say(struct shell *sh, struct vector identities)
{
    json_t *list = json_array();
    struct cursor c = identities.count > 0 ? vector_elements(identities) : (struct cursor){0};
    say(sh, "Auth scheme: User\n");
    for (int32_t i = 0; i < identities.count; i++) {
        struct identity who;
        jute_get_identity(&c, &who);
        say(sh, "%.*s: %.*s\n", SLICE_ARG(who.scheme), SLICE_ARG(who.id));
        json_t *o = json_object();
        json_object_set_new(o, "scheme", json_text_of(who.scheme));
        json_object_set_new(o, "id", json_text_of(who.id));
        json_array_append_new(list, o);
    }
    json_field(sh, "identities", list);
}
