/* The screen of `watch` as cells: from the model to what stands where. Pure. */
#ifndef LAUNCHER_WATCH_CELLS_H
#define LAUNCHER_WATCH_CELLS_H

#include <stdbool.h>
#include <stddef.h>

#include "launcher/watch_model.h"

enum style {
    STYLE_PLAIN,
    STYLE_DIM,
    STYLE_STRONG,
    STYLE_BAR, /* the first and the last line */
    STYLE_ALARM, /* on the bar: writes are not acknowledged */
    STYLE_GOOD,
    STYLE_WARN,
    STYLE_BAD,
    STYLE_LEAD,
    STYLES
};

/* One character of one column's width, in UTF-8. */
struct cell {
    char ch[5];
    enum style style;
};

struct cells {
    int width, height;
    struct cell *at; /* row by row */
};

/* The smallest screen that shows the whole; below it things are left out, from the bottom and from the right. */
enum { WATCH_WIDTH = 80, WATCH_HEIGHT = 24 };

void cells_init(struct cells *c, int width, int height);
void cells_free(struct cells *c);

/* Fills all cells. ascii: no other characters. */
void watch_render(const struct watch_model *m, struct cells *c, bool ascii);

/* A row as text without the blanks at its end, to be freed: for tests and for those who look at it. */
char *cells_row(const struct cells *c, int row);

#endif
