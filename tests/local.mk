# What every Check program links with.
UNIT_LIBS = libwire.a $(CHECK_LIBS)
