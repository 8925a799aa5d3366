# Floor 3: agreement.
libcore_a_SOURCES += \
	server/zab/config.h \
	server/zab/election.c \
	server/zab/history.c server/zab/history.h \
	server/zab/leader.c \
	server/zab/learner.c \
	server/zab/outlink.h \
	server/zab/peer.c \
	server/zab/snapper.c \
	server/zab/status.h \
	server/zab/step.c server/zab/step.h \
	server/zab/sync.c \
	server/zab/vote.c server/zab/vote.h \
	server/zab/zab.h server/zab/zab_private.h
