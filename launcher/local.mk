# launcher: files of this folder.
bin_PROGRAMS += pseudo-cluster
noinst_LIBRARIES += liblauncher.a
liblauncher_a_SOURCES = \
	launcher/assertion.c launcher/assertion.h \
	launcher/apache_clock.c launcher/apache_clock.h \
	launcher/apache_conf.c launcher/apache_conf.h \
	launcher/apache_expire.c launcher/apache_expire.h \
	launcher/attached.c launcher/attached.h \
	launcher/apache_member.c launcher/apache_member.h \
	launcher/apache.c launcher/apache.h \
	launcher/boot.c launcher/boot.h \
	launcher/children.c \
	launcher/cluster.c launcher/cluster.h \
	launcher/confs.c launcher/confs.h \
	launcher/control.c \
	launcher/control_client.c launcher/control_client.h \
	launcher/dial.c launcher/dial.h \
	launcher/engine.c launcher/engine.h \
	launcher/differences.c launcher/differences.h \
	launcher/ensemble.c \
	launcher/events.c launcher/events.h launcher/events_read.c \
	launcher/exits.h \
	launcher/foreign_member.c launcher/foreign_member.h \
	launcher/fourletter.c launcher/fourletter.h \
	launcher/history.c launcher/history.h \
	launcher/incidents.c launcher/incidents.h \
	launcher/incident_show.c launcher/incident_show.h launcher/incident_page.c \
	launcher/import.c launcher/import.h \
	launcher/links.c launcher/links.h \
	launcher/member_files.c \
	launcher/membership.c launcher/membership.h \
	launcher/ops.c launcher/ops.h launcher/ops_cluster.c launcher/ops_data.c launcher/ops_disk.c \
	launcher/ops_fault.c launcher/ops_heal.c launcher/ops_members.c launcher/ops_net.c launcher/ops_order.c \
	launcher/orders.c \
	launcher/outage.c \
	launcher/platform.c launcher/platform.h launcher/platform_common.h launcher/platform_linux.c \
	launcher/ports.c launcher/ports.h \
	launcher/private.c launcher/private.h \
	launcher/probe.c launcher/probe.h \
	launcher/recorded.c launcher/recorded.h \
	launcher/relay.c launcher/relay.h \
	launcher/remote.c launcher/remote.h launcher/remote_inner.h launcher/remote_read.c \
	launcher/resolve.c launcher/resolve.h \
	launcher/roll_call.c launcher/roll_call.h \
	launcher/roster.c launcher/roster.h \
	launcher/reset.c launcher/reset.h \
	launcher/running.c launcher/running.h \
	launcher/saves.c launcher/saves.h \
	launcher/state.c launcher/state.h \
	launcher/scenario.c launcher/scenario.h \
	launcher/second_look.c launcher/second_look.h \
	launcher/spoken.c launcher/spoken.h \
	launcher/supervise.c launcher/supervise.h \
	launcher/supervisor.c launcher/supervisor.h \
	launcher/table.c launcher/table.h \
	launcher/talk.c launcher/talk.h \
	launcher/targets.c launcher/targets.h \
	launcher/text.c launcher/text.h \
	launcher/timeline.c launcher/timeline.h \
	launcher/topology.c launcher/topology.h \
	launcher/torture_faults.c launcher/torture_faults.h \
	launcher/torture_kinds.c launcher/torture_kinds.h \
	launcher/torture_load.c launcher/torture_load.h \
	launcher/torture_report.c launcher/torture_report.h \
	launcher/torture_round.c launcher/torture_round.h \
	launcher/torture_tree.c launcher/torture_tree.h \
	launcher/txn_text.c launcher/txn_text.h \
	launcher/verdict.c launcher/verdict.h \
	launcher/verdict_lines.c launcher/verdict_lines.h \
	launcher/verdict_order.c \
	launcher/verdict_reads.c launcher/verdict_rules.h \
	launcher/server_exit.c \
	launcher/view.c launcher/view.h \
	launcher/votes.c launcher/votes.h \
	launcher/watch_cells.c launcher/watch_cells.h \
	launcher/watch_model.c launcher/watch_model.h \
	launcher/watch_screen.c launcher/watch_screen.h \
	launcher/why.c launcher/why.h launcher/why_session.c \
	launcher/znode_file.c launcher/znode_file.h \
	launcher/znode_text.c launcher/znode_text.h

pseudo_cluster_SOURCES = \
	launcher/main.c \
	launcher/command.c launcher/command.h \
	launcher/fault.c \
	launcher/cmd_add.c \
	launcher/cmd_assert.c \
	launcher/cmd_attach.c \
	launcher/cmd_clock.c \
	launcher/cmd_completion.c \
	launcher/cmd_disk.c \
	launcher/cmd_diff.c \
	launcher/cmd_down.c \
	launcher/cmd_drop_clients.c \
	launcher/cmd_env.c \
	launcher/cmd_expire.c \
	launcher/cmd_export.c \
	launcher/cmd_heal.c \
	launcher/cmd_help.c \
	launcher/cmd_import.c \
	launcher/cmd_isolate.c \
	launcher/cmd_kill.c \
	launcher/cmd_log.c \
	launcher/cmd_logs.c \
	launcher/cmd_partition.c \
	launcher/cmd_pause.c \
	launcher/cmd_remove.c \
	launcher/cmd_reset.c \
	launcher/cmd_ps.c \
	launcher/cmd_restart.c \
	launcher/cmd_resume.c \
	launcher/cmd_run.c \
	launcher/cmd_save.c \
	launcher/cmd_slow.c \
	launcher/cmd_stepdown.c \
	launcher/cmd_status.c \
	launcher/cmd_stop.c \
	launcher/cmd_timeline.c \
	launcher/cmd_torture.c \
	launcher/cmd_tree.c \
	launcher/cmd_up.c \
	launcher/cmd_version.c \
	launcher/cmd_wait.c \
	launcher/cmd_watch.c \
	launcher/cmd_why.c

# Preloaded into Apache ZooKeeper's processes; never into ours, so no sanitizer belongs in it.
if LINUX
pkglibexec_PROGRAMS = wallclock.so
wallclock_so_SOURCES = launcher/wallclock.c
wallclock_so_CFLAGS = -std=gnu11 $(WARN_CFLAGS) -fPIC
wallclock_so_LDFLAGS = -shared
wallclock_so_LDADD = -ldl
endif

# What a server holds is read with its own store and tree.
LAUNCHER_LIBS = liblauncher.a libconf.a libclient.a libstore.a libcore.a $(SECURE_LIBS) \
	$(LIBEVENT_LIBS) $(JANSSON_LIBS) $(SQLITE_LIBS) $(NCURSES_LIBS)
pseudo_cluster_LDADD = $(LAUNCHER_LIBS)

if HAVE_CHECK
LAUNCHER_CHECKS = check_torture
LAUNCHER_CHECKS += check_launcher_cluster
LAUNCHER_CHECKS += check_launcher_engine
LAUNCHER_CHECKS += check_launcher_incidents
LAUNCHER_CHECKS += check_launcher_links
LAUNCHER_CHECKS += check_launcher_roster
LAUNCHER_CHECKS += check_launcher_scenario
LAUNCHER_CHECKS += check_launcher_supervise
LAUNCHER_CHECKS += check_launcher_targets
LAUNCHER_CHECKS += check_launcher_timeline
LAUNCHER_CHECKS += check_launcher_watch
check_PROGRAMS += $(LAUNCHER_CHECKS)
TESTS += $(LAUNCHER_CHECKS)
LAUNCHER_UNIT_LIBS = $(LAUNCHER_LIBS) $(UNIT_LIBS)
check_launcher_cluster_SOURCES = tests/unit/check_launcher_cluster.c
check_launcher_cluster_LDADD = $(LAUNCHER_UNIT_LIBS)
check_launcher_engine_SOURCES = tests/unit/check_launcher_engine.c
check_launcher_engine_LDADD = $(LAUNCHER_UNIT_LIBS)
check_launcher_links_SOURCES = tests/unit/check_launcher_links.c
check_launcher_links_LDADD = $(LAUNCHER_UNIT_LIBS)
check_launcher_roster_SOURCES = tests/unit/check_launcher_roster.c
check_launcher_roster_LDADD = $(LAUNCHER_UNIT_LIBS)
check_launcher_scenario_SOURCES = tests/unit/check_launcher_scenario.c
check_launcher_scenario_LDADD = $(LAUNCHER_UNIT_LIBS)
check_launcher_supervise_SOURCES = tests/unit/check_launcher_supervise.c
check_launcher_supervise_LDADD = $(LAUNCHER_UNIT_LIBS)
check_launcher_targets_SOURCES = tests/unit/check_launcher_targets.c
check_launcher_targets_LDADD = $(LAUNCHER_UNIT_LIBS)
check_launcher_incidents_SOURCES = tests/unit/check_launcher_incidents.c
check_launcher_incidents_LDADD = $(LAUNCHER_UNIT_LIBS)
check_launcher_timeline_SOURCES = tests/unit/check_launcher_timeline.c
check_launcher_timeline_LDADD = $(LAUNCHER_UNIT_LIBS)
check_launcher_watch_SOURCES = tests/unit/check_launcher_watch.c
check_launcher_watch_LDADD = $(LAUNCHER_UNIT_LIBS)
check_torture_SOURCES = tests/unit/check_torture.c tests/unit/unit.h
check_torture_LDADD = $(LAUNCHER_UNIT_LIBS)
endif
