# The simulator. It links with the pure floors alone: the linker sees to it that they are pure.
check_PROGRAMS += sim sim_planted
sim_SOURCES = \
	tests/sim/main.c \
	tests/sim/sim_check.c tests/sim/sim_check.h \
	tests/sim/sim_client.c tests/sim/sim_client.h \
	tests/sim/sim_clock.c tests/sim/sim_clock.h \
	tests/sim/sim_disk.c tests/sim/sim_disk.h \
	tests/sim/sim_expiry.c tests/sim/sim_expiry.h \
	tests/sim/sim_fault.c tests/sim/sim_fault.h \
	tests/sim/sim_judge.c tests/sim/sim_judge.h \
	tests/sim/sim_link.c tests/sim/sim_link.h \
	tests/sim/sim_many.c tests/sim/sim_many.h \
	tests/sim/sim_model.c tests/sim/sim_model.h \
	tests/sim/sim_plant.h \
	tests/sim/sim_quorum.c tests/sim/sim_quorum.h \
	tests/sim/sim_run.c tests/sim/sim_run.h \
	tests/sim/sim_scenario.c tests/sim/sim_scenario.h \
	tests/sim/sim_scheme.c tests/sim/sim_scheme.h \
	tests/sim/sim_tap.c tests/sim/sim_tap.h \
	tests/sim/sim_timer.h \
	tests/sim/sim_trees.c \
	tests/sim/sim_work.c tests/sim/sim_work.h \
	tests/sim/sim_world.c tests/sim/sim_world.h
sim_LDADD = libcore.a libwire.a $(CRYPTO_LIBS)

# The same with bugs in the code under test that are turned on by name: a second build of floors 2 to 4 (server/zab/plant.h).
check_LIBRARIES += libcore_planted.a
libcore_planted_a_SOURCES = $(libcore_a_SOURCES)
libcore_planted_a_CPPFLAGS = $(AM_CPPFLAGS) -DPLANTED_BUGS
sim_planted_SOURCES = $(sim_SOURCES) tests/sim/sim_plant.c
sim_planted_CPPFLAGS = $(AM_CPPFLAGS) -DPLANTED_BUGS
sim_planted_LDADD = libcore_planted.a libwire.a $(CRYPTO_LIBS)

TESTS += tests/sim/check_planted.sh tests/sim/check_seeds_1.sh tests/sim/check_seeds_2.sh tests/sim/check_sim.sh
EXTRA_DIST += tests/sim/check_planted.sh tests/sim/check_seeds_1.sh tests/sim/check_seeds_2.sh tests/sim/check_sim.sh \
	tests/sim/planted tests/sim/run tests/sim/seeds.sh \
	tests/scenarios/all_at_once.txt \
	tests/scenarios/election_by_epoch.txt \
	tests/scenarios/election_by_id.txt \
	tests/scenarios/election_by_zxid.txt \
	tests/scenarios/five_start_in_order.txt \
	tests/scenarios/follower_far_behind.txt \
	tests/scenarios/follower_slightly_behind.txt \
	tests/scenarios/groups_of_three.txt \
	tests/scenarios/last_voter_heard_late.txt \
	tests/scenarios/leader_dies_after_proposal.txt \
	tests/scenarios/leader_dies_before_commit.txt \
	tests/scenarios/leader_dies_with_the_acks.txt \
	tests/scenarios/loss_noticed_late.txt \
	tests/scenarios/no_service_during_recovery.txt \
	tests/scenarios/observer_joins.txt \
	tests/scenarios/observers_vote_for_nobody.txt \
	tests/scenarios/old_leader_returns_with_a_tail.txt \
	tests/scenarios/old_tail_behind_a_new_epoch.txt \
	tests/scenarios/partitioned_leader.txt \
	tests/scenarios/quorum_lost_and_regained.txt \
	tests/scenarios/reads_without_a_quorum.txt \
	tests/scenarios/stale_read_and_sync.txt \
	tests/scenarios/tail_becomes_history.txt \
	tests/scenarios/three_start_in_order.txt \
	tests/scenarios/voter_with_a_later_epoch.txt \
	tests/scenarios/weights.txt
