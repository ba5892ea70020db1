#!/bin/sh
# Puts a new release in the place of the running one, which goes on until each of its processes has its turn:
#     sudo sh docs/deploy/update.sh /srv/chatproxy/2026-12-01 8001 8002
# The folder is a checkout of the new release, beside those before it. Ends at the first thing that goes wrong; what
# still runs then, old or new, goes on.
set -eu
new=$(cd "$1" && pwd)
shift
current=$(dirname "$new")/current

make -C "$new" environment
if [ -d "$current/static/build" ]; then
    # Pages that are open ask for the files of their own release; `make build` lets them go after two weeks.
    cp -a "$current/static/build" "$new/static/"
fi
make -C "$new" build

# Migrations only add: the old code runs beside them.
sh "$new/docs/deploy/manage.sh" migrate
ln -sfn "$new" "$current"

# Each returns when its process takes visitors, so that there is always one that does.
for port in "$@"; do
    systemctl restart "chatproxy@$port"
done
