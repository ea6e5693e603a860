#!/bin/sh
# Prometheus and promtool from Debian for tests and pictures, into .data/prometheus: no root, and no service is started.
set -eu
cd "$(dirname "$0")/../.."
if command -v promtool >/dev/null 2>&1 || [ -x .data/prometheus/usr/bin/promtool ]; then
    exit 0
fi
mkdir -p .data/prometheus
cd .data/prometheus
apt-get download -qq prometheus 2>/dev/null || {
    [ "$(id -u)" = 0 ] && apt-get update -qq && apt-get download -qq prometheus
} || {
    echo "promtool is not to be had here: put Prometheus 2.42 or newer on the PATH." >&2
    exit 1
}
dpkg -x prometheus_*.deb .
rm prometheus_*.deb
