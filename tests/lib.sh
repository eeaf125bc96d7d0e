# shellcheck shell=bash
# What the scripts of tests/, benches/ and .ci/ share. Sourced from the repository's root, to which they went with `cd`.

say() {
  printf '%s: %s\n' "$0" "$*" >&2
}

# The comment at the top of the script, which is its help. $0 may be as seen from where the script was called.
usage() {
  (cd "$OLDPWD" && sed -n '2,/^[^#]/{ s/^# \{0,1\}//p; }' "$0")
}

# offer_help [ARGUMENT]...: prints it and ends, when the first argument asks for it.
offer_help() {
  case ${1-} in
    -h | --help) usage && exit ;;
  esac
}

# bad_usage SENTENCE
bad_usage() {
  say "$1"
  usage >&2
  exit 64
}

# need PACKAGE COMMAND...: installs the Debian package, unless the command, which is part of it, works.
need() {
  local package=$1
  shift
  if "$@" >/dev/null 2>&1; then
    return
  fi
  if ! command -v apt-get >/dev/null || ((EUID != 0)); then
    say "'$*' does not work: please install what it needs (on Debian: the package $package)"
    exit 1
  fi
  say "installing $package"
  if [[ -z ${updated-} ]]; then
    apt-get update -qq </dev/null >&2
    updated=1
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" </dev/null >&2
}

# environment NAME FILE ARGUMENTS OF PIP...: a Python environment with what FILE lists, kept for the next time.
environment() {
  local python=${XDG_CACHE_HOME:-$HOME/.cache}/opwatch/$1 file=$2
  shift 2
  need python3-venv python3 -c "import ensurepip"
  if ! cmp -s "$file" "$python/${file##*/}"; then
    say "installing $file into $python"
    python3 -m venv --clear "$python"
    "$python/bin/pip" install --quiet --disable-pip-version-check "$@" --requirement "$file"
    cp "$file" "$python/"
  fi
  export PATH="$python/bin:$PATH"
}

# tool COMMAND: one of the tools of tests/tools.txt, unless it is here.
tool() {
  if ! command -v "$1" >/dev/null; then
    environment tools tests/tools.txt --require-hashes --only-binary=:all:
  fi
}
