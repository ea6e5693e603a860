#!/bin/sh
# Makes .venv with the `offhook` command in it; quick the second time. Called by `make setup`.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
new_enough() { "$1" -c 'import sys; raise SystemExit(sys.version_info < (3, 13))' >/dev/null 2>&1; }

# A name on the PATH may be a shim with nothing behind it, so each candidate is run.
find_python() {
    for candidate in "${PYTHON:-}" python3.14 python3.13 python3 python \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[3-9]*/bin/python \
        "${UV_PYTHON_INSTALL_DIR:-$HOME/.local/share/uv/python}"/cpython-3.1[3-9]*/bin/python3; do
        if [ -n "$candidate" ] && new_enough "$candidate"; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    if command -v uv >/dev/null 2>&1 && uv python install 3.13 >&2; then
        uv python find 3.13
        return
    fi
    say "Offhook needs Python 3.13 or newer: install it (or uv, which fetches it), or set PYTHON to its path."
    exit 1
}

install_debian_programs() {
    missing=""
    command -v redis-server >/dev/null 2>&1 || missing="$missing redis-server"
    command -v flite >/dev/null 2>&1 || missing="$missing flite"
    command -v haproxy >/dev/null 2>&1 || [ -x /usr/sbin/haproxy ] || missing="$missing haproxy" # tests only
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null 2>&1 || return 0
    if [ "$(id -u)" = 0 ]; then root=""; elif sudo -n true 2>/dev/null; then root="sudo"; else
        say "Without root,$missing cannot be installed: the packaged substitutes are used."
        return 0
    fi
    say "Installing$missing"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086
    { $root apt-get update -qq && $root apt-get install -y -qq --no-install-recommends $missing; } >/dev/null 2>&1 ||
        say "Could not install$missing: the packaged substitutes are used."
}

stamp=.venv/.installed
wanted=$(cat requirements-*.lock pyproject.toml deploy/setup.sh | cksum)
if [ -x .venv/bin/offhook ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && new_enough .venv/bin/python; then
    exit 0
fi

python=$(find_python)
install_debian_programs
say "Making .venv with $("$python" --version)"
if ! new_enough .venv/bin/python; then
    rm -rf .venv
    "$python" -m venv .venv || { say "That Python cannot make a venv: install its venv module (Debian: python3-venv)."; exit 1; }
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-setup.lock
export UV_PYTHON_DOWNLOADS=never
.venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r requirements-dev.lock
.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation -e .
printf '%s' "$wanted" >"$stamp"
