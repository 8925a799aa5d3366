/* Incidents as a page. */
#include "launcher/incident_show.h"

void incidents_html(struct bytes *b, const struct incident *all, size_t n, const struct events_log *log,
                    const char *cluster)
{
    (void)b;
    (void)all;
    (void)n;
    (void)log;
    (void)cluster;
}
