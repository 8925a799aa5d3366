#!/bin/sh
# The simulator's seeds that belong to every make check, half 2; the other runs beside it.
exec /bin/sh "${srcdir:-.}/tests/sim/seeds.sh" 2
