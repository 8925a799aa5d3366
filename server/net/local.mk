# server/net: the network, floor 6.
noinst_LIBRARIES += libnet.a
libnet_a_SOURCES = \
	server/net/clients.c \
	server/net/conn.c server/net/conn.h \
	server/net/delay.c server/net/delay.h \
	server/net/faults.c server/net/faults.h \
	server/net/election_port.c \
	server/net/http.c server/net/http.h \
	server/net/loop.c server/net/loop.h \
	server/net/net.c server/net/net.h \
	server/net/peers.c \
	server/net/secure.c \
	server/net/socket.c server/net/socket.h
