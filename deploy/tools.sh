#!/bin/sh
# What `make deploy-check` checks the files of this folder with, and Offhook itself does not need: nginx, HAProxy and
# docker-compose as Debian has them, an emulated AWS (moto) and the schemas of Kubernetes, each in a venv under .data.
# Terraform, kubectl and promtool are taken from the machine. Quick the second time.
set -eu
cd "$(dirname "$0")/.."
say() { printf '%s\n' "$*" >&2; }

missing=""
for program in nginx haproxy docker-compose; do
    command -v "$program" >/dev/null 2>&1 || [ -x "/usr/sbin/$program" ] || missing="$missing $program"
done
if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ]; then root=""; else root="sudo"; fi
    say "Installing$missing"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086
    { $root apt-get update -qq && $root apt-get install -y -qq --no-install-recommends $missing; } >/dev/null 2>&1 ||
        say "Could not install$missing: put them on the PATH, or their checks fail."
fi

venv() { # name, what to install
    [ -x ".data/deploy-tools/$1/bin/python" ] && [ -e ".data/deploy-tools/$1/whole" ] && return
    say "Installing $2 under .data"
    .venv/bin/python -m venv ".data/deploy-tools/$1" --without-pip --clear
    .venv/bin/uv pip install --quiet --python ".data/deploy-tools/$1/bin/python" $2
    : >".data/deploy-tools/$1/whole"
}
venv moto "moto[server]==5.2.5"
venv kubernetes "kubernetes-validate==1.37.0 setuptools"
sh deploy/prometheus/fetch.sh
