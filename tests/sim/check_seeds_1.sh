#!/bin/sh
# The simulator's seeds that belong to every make check, half 1; the other runs beside it.
exec /bin/sh "${srcdir:-.}/tests/sim/seeds.sh" 1
