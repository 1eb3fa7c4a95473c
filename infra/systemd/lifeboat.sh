#!/bin/sh
# Runs `lifeboat` by hand, as root, with the keys that the unit has. infra/README.md says how to install this script as
# /usr/local/sbin/lifeboat.
set -eua
# Messages suggest commands that begin with this script, because without it the commands would lack the keys.
LIFEBOAT_COMMAND=lifeboat
. /etc/lifeboat/environment
exec /opt/lifeboat/node_modules/.bin/node /opt/lifeboat/mirror-job/lifeboat.js "$@"
