#!/usr/bin/env bash
# Every test of the project, from a clean clone.
#
#   tests/run.sh            installs what is missing (Debian, as root), builds, runs everything
#   tests/run.sh --no-install
#
# A test whose server or tool is missing says "SKIPPED: …"; all of these stand once more at the end.
# Needs no terminal, no input and no network beyond the package sources.
set -u -o pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 3
exec </dev/null
export PATH="$PATH:${CARGO_HOME:-${HOME:-/nonexistent}/.cargo}/bin"
export LC_ALL=C.UTF-8 RUST_BACKTRACE="${RUST_BACKTRACE:-0}" CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-never}"
# What the person who runs this has in their own session is none of the tests' business.
unset SSH_AUTH_SOCK SSH_AGENT_PID PGHOST PGPORT PGUSER PGDATABASE PGPASSWORD PGSERVICE
begun=$SECONDS
log=$(mktemp) || exit 3
policy=
trap 'rm -f "$log" ${policy:+"$policy"}' EXIT

# program or header, and the Debian packages that bring it, the first that exists
wanted='postgres postgresql-15 postgresql
prometheus prometheus
prometheus-alertmanager prometheus-alertmanager
prometheus-postgres-exporter prometheus-postgres-exporter
sshd openssh-server
ssh-keygen openssh-client
tmux tmux
yasr yasr
redis-server redis-server
nginx nginx-light
openssl openssl
zstd zstd
lz4 lz4
python3 python3
setpriv util-linux
setfacl acl
softhsm2-util softhsm2
cc gcc
openssl/evp.h libssl-dev'

have() {
  command -v "$1" >/dev/null 2>&1 && return
  local file
  for file in /usr/sbin/"$1" /usr/include/"$1" /usr/lib/postgresql/*/bin/"$1"; do
    [ ! -e "$file" ] || return 0
  done
  return 1
}

missing() {
  while read -r program packages; do
    have "$program" || echo "$program $packages"
  done <<<"$wanted"
}

install() {
  local packages=() program names name
  # Nothing may start: the tests bring up their own servers on their own ports.
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    policy=/usr/sbin/policy-rc.d
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q >>"$log" 2>&1 || echo "apt-get update failed; trying with the lists at hand"
  while read -r program names; do
    for name in $names; do
      if apt-cache show "$name" >/dev/null 2>&1; then
        packages+=("$name")
        break
      fi
    done
  done < <(missing)
  [ ${#packages[@]} -gt 0 ] || return 0
  echo "installing: ${packages[*]}"
  # One by one: a package that cannot be had costs its own tests only.
  for name in "${packages[@]}"; do
    apt-get install -q -y --no-install-recommends "$name" >>"$log" 2>&1 || {
      echo "could not install $name:"
      tail -n 3 "$log"
    }
  done
}

if [ -n "$(missing)" ]; then
  if [ "${1:-}" = --no-install ]; then
    echo "asked to install nothing"
  elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    install
  else
    echo "not root on Debian: nothing is installed"
  fi
fi
absent=$(missing)
if [ -n "$absent" ]; then
  while read -r program packages; do
    echo "SKIPPED: what needs $program (Debian: ${packages%% *})"
  done <<<"$absent"
fi

command -v cargo >/dev/null 2>&1 || {
  echo "no cargo: install Rust from https://rustup.rs and run this again" >&2
  exit 3
}

target=$(cargo metadata --no-deps --format-version 1 2>/dev/null | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
failed=()
: >"$log"
if cargo nextest --version >/dev/null 2>&1; then
  report="${target:-target}/nextest/default/junit.xml"
  rm -f "$report"
  cargo nextest run --no-tests pass || failed+=("cargo nextest run")
  [ ! -f "$report" ] || cp "$report" "$log"
else
  # Output of passing tests too: that is where they say that they were skipped.
  cargo test --no-fail-fast --lib --bins --tests -- --show-output 2>&1 | tee "$log" || failed+=("cargo test")
fi
cargo test --quiet --doc || failed+=("cargo test --doc")

echo
echo "== $((SECONDS - begun)) s"
if [ -n "$absent" ]; then
  while read -r program packages; do
    echo "SKIPPED: what needs $program (Debian: ${packages%% *})"
  done <<<"$absent"
fi
grep -oE 'SKIPPED: [^<]*' "$log" | sort -u
if [ ${#failed[@]} -gt 0 ]; then
  printf 'FAILED: %s\n' "${failed[@]}"
  exit 1
fi
echo "all tests passed"
