#!/bin/sh
# Sees that the programs which the tests drive are there; installs them where that is possible without asking.

missing=""
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
    [ -n "${CHROMIUM:-}" ] || missing="$missing chromium"
command -v redis-server >/dev/null || missing="$missing redis-server"
command -v node >/dev/null || missing="$missing nodejs"
PATH="$PATH:/usr/sbin"
command -v nginx >/dev/null || missing="$missing nginx"
command -v apache2 >/dev/null || missing="$missing apache2-bin"
command -v openssl >/dev/null || missing="$missing openssl"
[ -z "$missing" ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing$missing"
    if { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends $missing; } >/tmp/apt.$$ 2>&1; then
        rm -f /tmp/apt.$$
        # The tests start their own; Debian starts this one as a service, at port 80.
        case "$missing" in *nginx*) systemctl disable --now nginx >/dev/null 2>&1 ;; esac
        exit 0
    fi
    tail -n 20 /tmp/apt.$$
    rm -f /tmp/apt.$$
fi

echo "The tests need these programs, which are not installed:$missing"
echo "On Debian and Ubuntu: sudo apt-get install$missing   (Chromium elsewhere: name it in CHROMIUM=/path/of/chromium)"
if [ "${MISSING:-fail}" = skip ]; then
    echo "MISSING=skip: what needs them is skipped."
    exit 0
fi
echo "Or leave out what needs them: make test MISSING=skip"
exit 1
