/* What is counted, as operators see it: mntr, the admin page monitor, and the metrics page for Prometheus.
 * Source: ZooKeeperServer.dumpMonitorValues, DefaultMetricsProvider.java, PrometheusMetricsProvider.java (3.8.0); protocol/admin.md 4. */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include "page.h"
#include "panel.h"

/* Lines "zk_<name>\t<value>\n", as mntr has them. */
void metrics_put_lines(const struct panel *v, struct bytes *b);
/* Fields of the open object. */
void metrics_put_fields(const struct panel *v, struct page *p);
/* Prometheus' text format 0.0.4. */
void metrics_put_prometheus(const struct panel *v, struct bytes *b);

/* Keeps what facts say of times and numbers: how long an election took, how learners were brought up to date. */
struct metrics_clock {
    int64_t looking_us, idle_us; /* since when; 0 when not */
    bool leads;
};
void metrics_fact(struct metrics_clock *c, struct metrics *m, const struct fact *f);

#endif
