#!/bin/sh
# Runs manage.py of the release that this lies in as its processes run: the same user, settings and folder, and
# none of your shell's variables: a token of Chatwoot's is asked for at the terminal.
#     sudo sh docs/deploy/manage.sh createsuperuser
set -eu
release=$(cd "$(dirname "$0")/../.." && pwd)
exec systemd-run --wait --pty --pipe --collect --quiet --uid=chatproxy --working-directory="$release" \
    --property=EnvironmentFile=/etc/chatproxy.env --setenv=VAR_DIR=/var/lib/chatproxy \
    --property=StateDirectory=chatproxy --property=StateDirectoryMode=0700 --property=UMask=0077 \
    "$release/.venv/bin/python" manage.py "$@"
