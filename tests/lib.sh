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
  local name=$1 python=${XDG_CACHE_HOME:-$HOME/.cache}/opwatch/$1 file=$2
  shift 2
  need python3-venv python3 -c "import ensurepip"
  if ! cmp -s "$file" "$python/${file##*/}"; then
    say "installing $file into $python"
    python3 -m venv --clear "$python"
    "$python/bin/pip" install --quiet --disable-pip-version-check "$@" --requirement "$file"
    cp "$file" "$python/"
  fi
  use_environment "$name"
}

# use_environment NAME: puts its commands first, if it is installed.
use_environment() {
  local python=${XDG_CACHE_HOME:-$HOME/.cache}/opwatch/$1
  [[ ! -d $python/bin ]] || export PATH="$python/bin:$PATH"
}

# tool COMMAND: one of the tools of tests/tools.txt, unless it is here.
tool() {
  if ! command -v "$1" >/dev/null; then
    environment tools tests/tools.txt --require-hashes --only-binary=:all:
  fi
}

# skips PART: whether OPWATCH_SKIP_PART leaves it out.
skips() {
  local variable=OPWATCH_SKIP_$1
  [[ ${!variable-} == 1 ]]
}

# has_emulators: whether the Google Cloud SDK has the emulators. `gcloud components` would ask the network.
has_emulators() {
  local sdk
  sdk=$(gcloud info --format='value(installation.sdk_root)' 2>/dev/null) &&
    [[ -d $sdk/platform/pubsub-emulator && -d $sdk/platform/cloud-datastore-emulator ]]
}

# leave_out_what_needs_the_sdk: no package manager brings the Google Cloud SDK, so without it the tests that need it are left out,
# unless CI=true. What is left out goes into left_out, with the reason.
leave_out_what_needs_the_sdk() {
  local missing sdk=https://cloud.google.com/sdk/docs/install
  if ! command -v gcloud >/dev/null; then
    missing="the Google Cloud SDK is missing: $sdk"
    leave_out DEPLOY "the tests of deploy/" "$missing"
    leave_out EMULATORS "the tests on Google's emulators" "$missing"
  elif ! skips EMULATORS && ! has_emulators; then
    leave_out EMULATORS "the tests on Google's emulators" \
      "gcloud components install beta pubsub-emulator cloud-datastore-emulator (or the packages of these names, as in $sdk)"
  fi
}

# leave_out PART WHAT WHY
leave_out() {
  skips "$1" && return
  if [[ ${CI-} == true ]]; then
    say "with CI=true $2 must run: $3"
    exit 1
  fi
  export "OPWATCH_SKIP_$1=1"
  left_out+=("$2: $3")
}
