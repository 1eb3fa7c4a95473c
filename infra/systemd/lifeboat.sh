#!/bin/sh
# `lifeboat` by hand, as root, with the keys that the unit has. Installed as /usr/local/sbin/lifeboat; infra/README.md
# says how.
set -eua
# How messages begin the commands that they suggest: without this script those would lack the keys.
LIFEBOAT_COMMAND=lifeboat
. /etc/lifeboat/environment
exec /opt/lifeboat/node_modules/.bin/node /opt/lifeboat/mirror-job/lifeboat.js "$@"
