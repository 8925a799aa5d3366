# Floor 4: what a client asks.
libcore_a_SOURCES += \
	server/request/changes.c server/request/changes.h \
	server/request/client.c \
	server/request/commit.c \
	server/request/connect.c \
	server/request/core.c server/request/core.h server/request/core_private.h \
	server/request/learners.c \
	server/request/passwd.c \
	server/request/path.c \
	server/request/prep.c \
	server/request/read.c \
	server/request/read_watch.c \
	server/request/reaper.c \
	server/request/tracker.c server/request/tracker.h
