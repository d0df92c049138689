# shellcheck shell=bash
# Sourced by the commands beside it: finds Python and uv, installs what is locked, builds the console.
# Progress goes to stderr. Nothing outside the checkout is changed.

set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1 NEXT_TELEMETRY_DISABLED=1

step() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }

fail() { # message, hint
  printf 'error: %s\n\nhint: %s\n' "$1" "$2" >&2
  exit 2
}

quietly() { # runs a command; shows its output only when it fails
  local log
  log=$(mktemp)
  if ! "$@" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    fail "this command failed: $*" "read its output above; nothing was started"
  fi
  rm -f "$log"
}

reachable_by_others() { # every folder on the way can be entered by an unprivileged user
  local path
  path=$(readlink -f "$1")
  while [ "$path" != / ]; do
    [ $((0$(stat -c %a "$path") & 1)) -eq 1 ] || return 1
    path=$(dirname "$path")
  done
}

# Started by root, services run as an unprivileged user, who must be able to run this Python, too.
suitable_python() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || return 1
  [ "$(id -u)" -ne 0 ] || reachable_by_others "$("$1" -c 'import sys; print(sys.executable)')"
}

find_python() {
  local name
  for name in python3 python3.14 python3.13 python3.12 python3.11 /usr/local/bin/python3 /usr/bin/python3; do
    if command -v "$name" >/dev/null && suitable_python "$name"; then
      "$name" -c 'import sys; print(sys.executable)'
      return
    fi
  done
  fail "no Python 3.11 or newer was found$([ "$(id -u)" -ne 0 ] || echo ' that an unprivileged user can run')" \
    "install python3 (3.11+), for example: apt-get install python3 python3-venv"
}

require_node() {
  local major
  major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
  [ "$major" -ge 20 ] || fail "the console is built with Node 20 or newer; found: $(node --version 2>/dev/null || echo none)" \
    "install Node.js 20+ with npm"
}

UV_VERSION=0.13.9
find_uv() {
  if command -v uv >/dev/null; then
    UV=$(command -v uv)
    return
  fi
  UV="$ROOT/.tools/bin/uv"
  [ -x "$UV" ] && return
  step "Installing uv $UV_VERSION into .tools"
  local python
  for python in python3 /usr/bin/python3; do
    if "$python" -m venv "$ROOT/.tools" >/dev/null 2>&1; then
      quietly "$ROOT/.tools/bin/python" -m pip install --quiet "uv==$UV_VERSION"
      return
    fi
    rm -rf "$ROOT/.tools"
  done
  if python3 -m pip --version >/dev/null 2>&1; then
    quietly python3 -m pip install --quiet --target "$ROOT/.tools" "uv==$UV_VERSION"
    return
  fi
  fail "neither uv nor a Python with venv or pip was found" "install python3-venv, or uv itself"
}

install_python() {
  find_uv
  export UV_PYTHON="${UV_PYTHON:-$(find_python)}"
  local wanted
  wanted=$(cat "$ROOT/uv.lock" "$ROOT/pyproject.toml" "$ROOT"/backend/pyproject.toml "$ROOT"/examples/shop/pyproject.toml | sha256sum)
  if [ "$(cat "$ROOT/.venv/.installed" 2>/dev/null)" != "$wanted" ]; then
    step "Installing the locked Python packages (once, about 300 MB)"
    (cd "$ROOT" && quietly "$UV" sync --frozen --all-packages --compile-bytecode)
    printf '%s\n' "$wanted" >"$ROOT/.venv/.installed"
  fi
  # Services may run as a user who cannot write here: without this they would compile at each start.
  "$ROOT/.venv/bin/python" -m compileall -q "$ROOT/backend/src" "$ROOT/examples/shop/src"
}

install_node() {
  require_node
  local wanted
  wanted=$(sha256sum <"$ROOT/frontend/package-lock.json")
  [ "$(cat "$ROOT/frontend/node_modules/.installed" 2>/dev/null)" = "$wanted" ] && return
  step "Installing the locked Node packages (once)"
  (cd "$ROOT/frontend" && quietly npm ci --no-audit --no-fund --loglevel=error)
  printf '%s\n' "$wanted" >"$ROOT/frontend/node_modules/.installed"
}

console_sources() {
  (cd "$ROOT/frontend" && find . \( -name node_modules -o -name .next -o -name out -o -name e2e \) -prune \
    -o -type f ! -name '*.tsbuildinfo' ! -name next-env.d.ts -print0 | sort -z | xargs -0 sha256sum | sha256sum)
}

build_console() {
  local sources
  sources=$(console_sources) # as they are before: what changes while it is built is built next time
  [ "$(cat "$ROOT/frontend/out/.built" 2>/dev/null)" = "$sources" ] && return
  install_node
  step "Building the console"
  (cd "$ROOT/frontend" && quietly npm run --silent build)
  printf '%s\n' "$sources" >"$ROOT/frontend/out/.built"
}
