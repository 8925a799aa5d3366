/* Commands on permissions and identities. */
#include <stdio.h>
#include <stdlib.h>

#include "client/acl_text.h"
#include "client/zkcli.h"

static int set_one(struct shell *sh, const char *path, struct vector acl, int32_t version, bool show);

int cmd_getacl(struct shell *sh, const struct args *a)
{
    if (!path_fine(a->words[0], false)) return STATUS_FAILED;
    struct zk_answer answer = {0};
    zk_get_acl(sh->zk, a->words[0], zk_answer_take, &answer);
    int status = shell_await(sh, &answer, a->words[0]);
    if (status == STATUS_OK && answer.reply.acl.count > 0) {
        struct bytes text = {0};
        struct cursor c = vector_elements(answer.reply.acl);
        for (int32_t i = 0; i < answer.reply.acl.count; i++) {
            struct acl_entry e;
            jute_get_acl_entry(&c, &e);
            acl_text_print(&text, &e);
        }
        fwrite(text.data + text.head, 1, bytes_waiting(&text), stdout);
        bytes_free(&text);
    }
    if (status == STATUS_OK && a->flag['s']) show_stat(&answer.reply.stat);
    zk_answer_free(&answer);
    return status;
}

int cmd_setacl(struct shell *sh, const struct args *a)
{
    int64_t version = -1;
    if (!path_fine(a->words[0], false)) return STATUS_FAILED;
    if (a->flag['v'] && !number_take(a->value['v'], INT32_MIN, INT32_MAX, &version)) return STATUS_FAILED;
    struct bytes raw = {0};
    char *wrong = acl_text_parse(&raw, a->words[1]);
    if (wrong != NULL) {
        fprintf(stderr, "%s\n", wrong);
        free(wrong);
        bytes_free(&raw);
        return STATUS_FAILED;
    }
    struct vector acl = vector_trusted(bytes_slice(&raw));
    int status;
    if (a->flag['R']) {
        struct paths p;
        status = tree_list(sh, a->words[0], &p);
        for (size_t i = 0; i < p.count && status == STATUS_OK; i++) {
            status = set_one(sh, p.list[i], acl, (int32_t)version, a->flag['s']);
        }
        paths_free(&p);
    } else {
        status = set_one(sh, a->words[0], acl, (int32_t)version, a->flag['s']);
    }
    bytes_free(&raw);
    return status;
}

int cmd_addauth(struct shell *sh, const struct args *a)
{
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
    int status = STATUS_FAILED;
    if (zk_await(sh->zk, &answer) == ZK_UNIMPLEMENTED)
        fprintf(stderr, "the server is too old for whoami (3.7 has it)\n");
    else
        status = shell_report(sh, answer.reply.err, "whoami");
    if (status == STATUS_OK) {
        printf("Auth scheme: User\n");
        struct cursor c =
            answer.reply.identities.count > 0 ? vector_elements(answer.reply.identities) : (struct cursor){0};
        for (int32_t i = 0; i < answer.reply.identities.count; i++) {
            struct identity who;
            jute_get_identity(&c, &who);
            printf("%.*s: %.*s\n", SLICE_ARG(who.scheme), SLICE_ARG(who.id));
        }
    }
    zk_answer_free(&answer);
    return status;
}

static int set_one(struct shell *sh, const char *path, struct vector acl, int32_t version, bool show)
{
    struct zk_answer answer = {0};
    zk_set_acl(sh->zk, path, acl, version, zk_answer_take, &answer);
    int status = shell_await(sh, &answer, path);
    if (status == STATUS_OK && show) show_stat(&answer.reply.stat);
    zk_answer_free(&answer);
    return status;
}
