#!/bin/sh
# A desktop for the windows tests: secrets, notices and a window manager, on the bus and the screen
# this is started in. Usage: session.sh command args…
set -eu
# The home changes; what Rust keeps in the old one stays where it is.
export CARGO_HOME="${CARGO_HOME:-$HOME/.cargo}" RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}"
HALLWAY_TEST_HOME="$(mktemp -d)"
export HALLWAY_TEST_HOME HOME="$HALLWAY_TEST_HOME"
export XDG_RUNTIME_DIR="$HOME/run" XDG_DATA_HOME="$HOME/.local/share" XDG_CONFIG_HOME="$HOME/.config" XDG_CACHE_HOME="$HOME/.cache"
mkdir -p "$XDG_RUNTIME_DIR" "$XDG_DATA_HOME" "$XDG_CONFIG_HOME/dunst" "$XDG_CACHE_HOME"
chmod 700 "$XDG_RUNTIME_DIR"
# Notices stay until they are answered or taken back: a test reads them when it gets there.
printf '[global]\nidle_threshold = 0\nhistory_length = 50\n[urgency_normal]\ntimeout = 0\n' >"$XDG_CONFIG_HOME/dunst/dunstrc"

pids=""
end() {
  for pid in $pids; do kill "$pid" 2>/dev/null || true; done
  cd /
  rm -rf "$HALLWAY_TEST_HOME"
}
trap end EXIT
trap 'exit 143' TERM INT HUP

openbox >"$HOME/openbox.log" 2>&1 & pids="$pids $!"
dunst -print >"$HOME/dunst.log" 2>&1 & pids="$pids $!"
# The password makes the keyring at the first start and opens it.
printf 'test' | gnome-keyring-daemon --foreground --unlock --components=secrets >"$HOME/keyring.log" 2>&1 & pids="$pids $!"

for name in org.freedesktop.secrets org.freedesktop.Notifications; do
  tries=0
  until gdbus call --session --dest org.freedesktop.DBus --object-path /org/freedesktop/DBus \
      --method org.freedesktop.DBus.NameHasOwner "$name" 2>/dev/null | grep -q true; do
    tries=$((tries + 1))
    if [ "$tries" -gt 200 ]; then echo "session.sh: nobody took the name $name" >&2; exit 1; fi
    sleep 0.05
  done
done

"$@"
