/* Bringing znodes from a file into an ensemble that runs, as a client of it. */
#ifndef LAUNCHER_IMPORT_H
#define LAUNCHER_IMPORT_H

#include "client/zk.h"
#include "launcher/znode_file.h"

enum import_mode {
    IMPORT_NEW,     /* refused when one of the znodes is there already */
    IMPORT_MERGE,   /* those that are there get data and ACL */
    IMPORT_REPLACE, /* all others are removed first */
};

struct import {
    enum import_mode mode;
    bool ephemerals; /* as persistent ones; else they are left out */
    size_t created, changed, removed, left_out;
};

/* Not all at once: a failure leaves what was done before, and says how far it came. An exit code with *why: which znode and what. */
int import_znodes(struct import *im, struct zk *zk, const struct znode_file *f, char **why);

#endif
