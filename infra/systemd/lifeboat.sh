#!/bin/sh
# `lifeboat` by hand, as root, with the keys that the unit has. Installed as /usr/local/sbin/lifeboat; infra/README.md
# says how.
set -eua
. /etc/lifeboat/environment
exec /opt/lifeboat/node_modules/.bin/node /opt/lifeboat/mirror-job/lifeboat.js "$@"
