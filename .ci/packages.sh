# Sourced: how the scripts beside it install what the machine lacks. Also runs under the bash 3.2 of macOS.

may_install() { command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; }

# install_packages NAME… : quiet; says so when it fails.
install_packages() {
    echo "Installing $* (apt-get)"
    local log
    log=$(mktemp)
    if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; } >"$log" 2>&1; then
        tail -n 5 "$log" >&2
        rm -f "$log"
        echo "apt-get could not install $*" >&2
        return 1
    fi
    rm -f "$log"
}

# how_to_install NAME… : what a person types.
how_to_install() {
    if command -v apt-get >/dev/null; then
        echo "sudo apt-get install $*"
    elif command -v brew >/dev/null; then
        echo "brew install $*"
    else
        echo "install $*"
    fi
}
