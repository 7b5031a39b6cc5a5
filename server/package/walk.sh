#!/bin/sh
# The life of the package on a system: walk.sh FIRST.deb SECOND.deb, as root. It installs, starts,
# upgrades, removes and purges, and says `ok …` or `not ok …` for each thing it looks at. What runs
# it gives it a private copy of the file system, or a machine that nobody needs.
set -u
first=$1 second=$2
work=$(mktemp -d)
chmod 0755 "$work"
server=

ok() { echo "ok $1"; }
look() { # look WHAT COMMAND…
    what=$1
    shift
    if "$@" > "$work/said" 2>&1; then ok "$what"; else echo "not ok $what"; cat "$work/said"; fi
}
gone() { ! [ -e "$1" ]; }
mode() { [ "$(stat -c '%U:%G %a' "$1")" = "$2" ]; }
no_user() { ! getent passwd hallway; }

# As the unit would: its user, its folder, its command. The port is free, so that nobody is in the way.
start() {
    command=$(sed -n 's/^ExecStart=//p' /lib/systemd/system/hallway-server.service)
    : > "$work/out"
    chmod 0666 "$work/out"
    # shellcheck disable=SC2086 # a command and its words
    (cd /var/lib/hallway && exec setpriv --reuid=hallway --regid=hallway --init-groups \
        env -i PATH=/usr/bin HALLWAY_LISTEN=127.0.0.1:0 $command > "$work/out" 2> "$work/err") &
    server=$!
    for _ in $(seq 300); do
        grep -q listening "$work/out" && return 0
        kill -0 "$server" 2> /dev/null || break
        sleep 0.1
    done
    cat "$work/err"
    return 1
}
ask() { # ask PATH: what the running server answers
    port=$(sed -n 's/.*:\([0-9]*\)".*/\1/p' "$work/out")
    bash -c "exec 3<>/dev/tcp/127.0.0.1/$port
        printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' '$1' >&3; cat <&3"
}
answers() { ask "$1" | grep -q '200 OK'; }
epoch() { ask /api/v1/server | sed -n 's/.*"epoch":"\([^"]*\)".*/\1/p'; }
stop() {
    kill -TERM "$server"
    wait "$server"
}
same() { [ -n "$1" ] && [ "$1" = "$2" ]; }

files() { find /etc /usr /var/lib /lib/systemd -xdev \( -path /var/lib/dpkg -o -path '/etc/*-' \
    -o -path /var/lib/systemd -o -path '/etc/.pwd.lock' \) -prune -o -print 2> /dev/null | sort; }

files > "$work/before"
look "it installs" dpkg -i "$first"
look "its files are as packed" dpkg -V hallway-server
look "it has a user" getent passwd hallway
look "its data are its own" mode /var/lib/hallway "hallway:hallway 700"
look "its configuration is for its eyes" mode /etc/hallway "root:hallway 750"
look "its configuration is right" setpriv --reuid=hallway --regid=hallway --init-groups \
    hallway-server check --config /etc/hallway/hallway.toml
look "it starts" start
look "it answers" answers /health/ready
was=$(epoch)
look "it leaves when asked" stop
echo "# ours" >> /etc/hallway/hallway.toml
look "it is upgraded" dpkg -i --force-confdef --force-confold "$second"
look "a changed configuration stays" grep -q "^# ours" /etc/hallway/hallway.toml
look "it starts after the upgrade" start
look "it has the data it had" same "$was" "$(epoch)"
look "it leaves again" stop
look "it is removed" dpkg -r hallway-server
look "its program is gone" gone /usr/bin/hallway-server
look "its data stay" test -s /var/lib/hallway/secret
look "it is purged" dpkg -P hallway-server
look "its data are gone" gone /var/lib/hallway
look "its configuration is gone" gone /etc/hallway
look "its user is gone" no_user
files > "$work/after"
look "nothing else is left" diff "$work/before" "$work/after"
rm -rf "$work"
