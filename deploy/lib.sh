# shellcheck shell=bash
# What the scripts of this folder share: settings, names, and steps that change only what differs. Sourced, not run.
# The steps themselves are in the folder lib.
#
# They need bash 4.4, gcloud and jq.
#
# In the commands below the word "%" stands for the verb: `pubsub topics % opwatch` becomes
# `gcloud pubsub topics describe opwatch`, `… create …`, `… get-iam-policy …`.

# A failure within $(…) is a failure.
shopt -s inherit_errexit

deploy=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# With `yes` nothing is changed and each change is named; with `doctor` each is a finding.
dry_run=''
# Read by the next changes as standard input: the only way a secret takes.
input=''
# A file that takes the errors of a change that fails, for a step that goes on without it; empty when they are shown.
refusal=''
# The changes that --dry-run or deploy/doctor has named.
differences_found=0

# --- Saying ---

say() {
  printf '%s\n' "$*"
}

step() {
  printf '\n== %s\n' "$*"
}

unchanged() {
  if [[ $dry_run == doctor ]]; then
    say "ok    $1"
  else
    say "unchanged: $1"
  fi
}

# problem TEXT...: what a person must know, and what no step of deploy/up changes.
problem() {
  differences_found=$((differences_found + 1))
  if [[ $dry_run == doctor ]]; then
    say "FAIL  $*"
  else
    say "warning: $*"
  fi
}

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# The comment at the top of the script, which is its help.
usage() {
  sed -n '2,/^[^#]/{ s/^# \{0,1\}//p; }' "$0"
}

bad_usage() {
  printf '%s: %s\n\n' "${0##*/}" "$1" >&2
  usage >&2
  exit 64
}

# --- Settings and names ---

load_settings() {
  local file=${OPWATCH_SETTINGS:-$deploy/settings.env} command before
  for command in gcloud jq; do
    command -v "$command" >/dev/null || die "$command is not installed"
  done
  [[ -r $file ]] || die "$file is missing: copy deploy/settings.env.example and edit it"
  # What the person's shell happens to export is not a setting.
  unset "${all_settings[@]}"
  before=$(compgen -v)
  # shellcheck source=/dev/null
  source "$file"
  check_names "$before"
  check_forms
  [[ -n ${PROJECT-} && -n ${REGION-} ]] || die "$file must set PROJECT and REGION"
  NAME=${NAME:-opwatch}
  [[ $NAME =~ ^[a-z][a-z0-9-]{1,21}[a-z0-9]$ && $NAME != goog* ]] ||
    die "NAME=$NAME: it must be 3 to 23 characters from a-z, 0-9 and -, begin with a letter, and not with goog (reserved)"
  # Another deployment's topics are called so, and its publishers must not be granted on them.
  [[ ! $NAME =~ -(internal|dead|digest|signals)$ ]] ||
    die "NAME=$NAME: it must not end in -internal, -dead, -digest or -signals, which are topics of another deployment"
  check_values
  set_names
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
}

# check_names VARIABLES-BEFORE: that of the names in upper case the file has set none but settings. bash and gcloud have
# theirs.
check_names() {
  local name
  while IFS= read -r name; do
    die "$name is not a setting.$(nearest "$name") deploy/settings.env.example lists all of them;" \
      "any other setting of the service goes into MORE_SETTINGS, and your own variables are in lower case"
  done < <(compgen -v | LC_ALL=C grep '^[A-Z]' | grep -vxF -e "$before" -e "$(printf '%s\n' "${all_settings[@]}")" |
    grep -vE '^(BASH|CLOUDSDK_|OPWATCH_|COLUMNS$|LINES$|OLDPWD$|PWD$)')
}

# check_forms: to bash, DATABASES=(default) is a list that holds the word "default".
check_forms() {
  local name
  for name in "${all_settings[@]}"; do
    [[ $name == MORE_SETTINGS || $(declare -p "$name" 2>/dev/null) != "declare -a"* ]] ||
      die "$name: put the value in quotes, such as DATABASES=\"(default)\": without them bash reads parentheses as a list"
  done
}

# nearest NAME: a setting that differs from it in one place, by three letters at most.
nearest() {
  local setting room at
  for room in 1 2 3; do
    for setting in "${all_settings[@]}"; do
      for ((at = 0; at <= ${#setting}; at++)); do
        if [[ $1 =~ ^${setting:0:at}.{0,$room}${setting:at+room-1}$ ]]; then
          printf ' Did you mean %s?' "$setting"
          return
        fi
      done
    done
  done
}

check_values() {
  local setting rate=${REPORT_RATE:-500}
  if [[ ! $rate =~ ^([1-9][0-9]{0,2}|0\.[0-9]*[1-9])$ ]] || ((${rate%%.*} > 500)); then
    die "REPORT_RATE=$rate: it must be a number of dispatches per second, at most 500, such as 16 or 0.5"
  fi
  [[ ${ALERTS:-no} =~ ^(yes|no)$ ]] || die "ALERTS=$ALERTS: it must be yes or no"
  [[ ${DIGESTS:-no} =~ ^(yes|no)$ ]] || die "DIGESTS=$DIGESTS: it must be yes or no"
  [[ ${DIGEST_ABOVE:-0} =~ ^[0-9]+$ ]] || die "DIGEST_ABOVE=$DIGEST_ABOVE: it must be a number of reports per minute, such as 10"
  [[ -z ${DIGEST_ABOVE-} ]] || has_digests || die "DIGEST_ABOVE has no effect without digests: set DIGESTS=yes, or remove it"
  [[ ${SIGNALS:-no} =~ ^(yes|no)$ ]] || die "SIGNALS=$SIGNALS: it must be yes or no"
  [[ ${SIGNAL_TOPICS-} =~ ^([a-zA-Z][a-zA-Z0-9._~+%-]{2,},?)*$ ]] ||
    die "SIGNAL_TOPICS=$SIGNAL_TOPICS: it must be IDs of topics in this project, such as cloud-builds, separated by commas"
  for setting in ADOPT SIGNAL_TOPICS; do
    [[ -z ${!setting-} || ${SIGNALS-} == yes ]] || die "$setting has no effect without signals: set SIGNALS=yes, or remove it"
  done
  for setting in EXPORT_PREFIXES IMPORT_PREFIXES; do
    check_prefixes "$setting" "${!setting-}"
  done
  [[ ${MAX_INSTANCES:-3} =~ ^[1-9][0-9]*$ ]] || die "MAX_INSTANCES=$MAX_INSTANCES: it must be a whole number, 1 or more"
  [[ ${VERIFY_PUSHES:-yes} =~ ^(yes|no)$ ]] || die "VERIFY_PUSHES=$VERIFY_PUSHES: it must be yes or no"
  for setting in ${MORE_SETTINGS+"${MORE_SETTINGS[@]}"}; do
    [[ -z $setting || $setting =~ ^[A-Z][A-Z0-9_]*= ]] || die "MORE_SETTINGS: \"$setting\" must have the form SETTING=value"
    check_value "$setting"
  done
  for setting in "${service_settings[@]}"; do
    check_value "$setting=${!setting-}"
  done
}

# check_prefixes SETTING VALUE
check_prefixes() {
  local prefix prefixes=${2//,/ }
  [[ $2 != any ]] || return 0
  for prefix in $prefixes; do
    [[ $prefix =~ ^gs://[a-z0-9] ]] || die "$1=$2: it must be \"any\", or prefixes such as gs://my-backups/ separated by commas"
  done
}

# check_value SETTING=VALUE
check_value() {
  [[ $1 != *"|"* ]] || die "$1: it must not contain |, which separates the settings for gcloud"
}

# Settings of the service that have the same name here.
service_settings=(TIME_ZONE LOCALE CHECK_INTERVAL CHECK_LIMIT SIGNALS SERVICES EXTRA_SERVICES REGIONAL_SERVICES PROJECTS DATABASES STARTS EXPORT_PREFIXES
  IMPORT_PREFIXES MAX_STARTS_PER_HOUR MAX_WATCHES_PER_MINUTE MAX_NOTICES_PER_HOUR MAX_ADOPTIONS_PER_MINUTE MIN_INTERVAL
  ADOPT ROUTES
  LEDGER_KIND LEDGER_PROJECT LEDGER_NAMESPACE LEDGER_DATABASE LEDGER_KEEP
  SLACK_CHANNEL SLACK_CHANNELS CHAT_SPACE CHAT_MENTION TITLE MENTION MENTIONS MENTION_ON NOTIFY STALL_AFTER DIGEST_ABOVE OUTLETS
  EVENTS_TOPIC)
# What settings.env may set.
all_settings=(PROJECT REGION NAME SLACK SLACK_SECRET_FILE IMAGE BUILD_SERVICE_ACCOUNT MAX_INSTANCES REPORT_RATE
  CHECK_QUEUE_ID REPORT_QUEUE_ID NOTICE_QUEUE_ID ROLE_ID VERIFY_PUSHES SECRET_LOCATIONS TOPIC_REGIONS ALERTS
  ALERT_CHANNELS SIGNAL_TOPICS ADOPT_EXCEPT DIGESTS "${service_settings[@]}" MORE_SETTINGS)

# What the service may do with tasks of the queue of checks in addition to creating them (roles/cloudtasks.enqueuer, which also
# allows it to read a task's body): read a watch's last task when a signal comes, and delete it when the watch is reported.
# https://cloud.google.com/tasks/docs/reference-access-control
# shellcheck disable=SC2034 # the scripts use it
check_queue_roles=(roles/cloudtasks.viewer roles/cloudtasks.taskDeleter)

# Whether the reports of a flood become digests: by default where an outlet has a limit for each channel.
has_digests() {
  case ${DIGESTS-} in
    yes) return 0 ;;
    no) return 1 ;;
  esac
  [[ ${SLACK-} == bot || ${SLACK-} == chat-webhook || -n ${CHAT_SPACE-} ]]
}

# All names that are made from the settings.
# shellcheck disable=SC2034 # the scripts use them
set_names() {
  local domain
  # A project of a domain, example.com:name, has the domain last in its accounts.
  domain=${PROJECT#*:}
  [[ $PROJECT != *:* ]] || domain+=.${PROJECT%%:*}
  domain+=.iam.gserviceaccount.com
  run_account=$NAME-run@$domain
  push_account=$NAME-push@$domain
  tasks_account=$NAME-tasks@$domain
  role=${ROLE_ID:-${NAME//-/_}}
  role_name=projects/$PROJECT/roles/$role
  ledger_title=$NAME-ledger
  secret=$NAME-slack
  topic=$NAME
  internal_topic=$NAME-internal
  # The topic of events by its short name, when it is in the project; a topic of another project is its owner's.
  events_topic=''
  [[ ${EVENTS_TOPIC-} != "projects/$PROJECT/topics/"* ]] || events_topic=${EVENTS_TOPIC##*/}
  events_label='opwatch-events'
  dead_topic=$NAME-dead
  subscription=$NAME-push
  internal_subscription=$NAME-internal
  dead_subscription=$NAME-dead-push
  sink=$NAME
  signals_topic=$NAME-signals
  signals_subscription=$NAME-signals
  digest_topic=$NAME-digest
  digest_subscription=$NAME-digest
  # "on" or "off"; learn_digests may say "ending".
  digests=off
  ! has_digests || digests=on
  check_queue=${CHECK_QUEUE_ID:-$NAME-checks}
  report_queue=${REPORT_QUEUE_ID:-$NAME-reports}
  notice_queue=${NOTICE_QUEUE_ID:-$NAME-notices}
  queues=("$check_queue" "$report_queue" "$notice_queue")
  subscriptions=("$subscription" "$internal_subscription" "$dead_subscription")
  service=$NAME
  doctor_job=$NAME-doctor
  repository=$NAME
  repository_mark="Images of $NAME, made by deploy/up"
  schedule_mark="Kickoff of $NAME, made by deploy/schedule"
  topic_name=projects/$PROJECT/topics/$topic
  # Set by learn_upgrade.
  accept_until=''
  # Only Pub/Sub's pushes carry it, so that a token made for anything else is worth nothing here.
  audience=https://$NAME.${PROJECT//:/.}.internal
  case ${SLACK:-webhook} in
    webhook) secret_setting=SLACK_WEBHOOK_URL ;;
    bot)
      secret_setting=SLACK_BOT_TOKEN
      [[ -n ${SLACK_CHANNEL-} ]] || die "SLACK=bot needs SLACK_CHANNEL, a channel ID such as C024BE91L"
      ;;
    chat-webhook) secret_setting=CHAT_WEBHOOK_URL ;;
    none)
      # Google Chat's app needs no secret.
      secret_setting=''
      [[ -n ${CHAT_SPACE-} ]] || die "SLACK=none needs CHAT_SPACE, a Google Chat space such as spaces/AAAABBBBCCC"
      ;;
    *) die "SLACK=$SLACK: it must be webhook, bot, chat-webhook or none" ;;
  esac
}

# The settings of the service, as SETTING=value in `assignments`; of several for one the last counts. What the service knows by itself
# is not among them.
assign_settings() {
  local setting
  assignments=("TOPIC=$topic_name"
    "INTERNAL_TOPIC=projects/$PROJECT/topics/$internal_topic"
    "CHECK_QUEUE=projects/$PROJECT/locations/$REGION/queues/$check_queue"
    "REPORT_QUEUE=projects/$PROJECT/locations/$REGION/queues/$report_queue"
    "NOTICE_QUEUE=projects/$PROJECT/locations/$REGION/queues/$notice_queue"
    "TASKS_SERVICE_ACCOUNT=$tasks_account")
  for setting in "${service_settings[@]}"; do
    [[ -z ${!setting-} ]] || assignments+=("$setting=${!setting}")
  done
  [[ ${VERIFY_PUSHES:-yes} == no ]] || assignments+=("PUSH_AUDIENCE=$audience" "PUSH_SERVICE_ACCOUNT=$push_account")
  # What opwatch started itself has its watch already.
  [[ -z ${ADOPT-} ]] || assignments+=("ADOPT_EXCEPT=$run_account${ADOPT_EXCEPT:+,$ADOPT_EXCEPT}")
  [[ -z $accept_until ]] || assignments+=("ACCEPT_PUBLIC_STATE_UNTIL=$accept_until")
  [[ $digests == off ]] || assignments+=("DIGEST_TOPIC=projects/$PROJECT/topics/$digest_topic"
    "DIGEST_SUBSCRIPTION=projects/$PROJECT/subscriptions/$digest_subscription")
  [[ $digests != ending ]] || assignments+=("DIGEST_ABOVE=0")
  [[ -z ${MORE_SETTINGS+set} ]] || assignments+=("${MORE_SETTINGS[@]}")
}

# The settings of the service, a JSON object.
service_environment() {
  local assignments
  assign_settings
  jq -n --args '[$ARGS.positional[] | capture("^(?<key>[^=]+)=(?<value>.*)$"; "s")] | from_entries' "${assignments[@]}"
}

# setting NAME [DEFAULT]: a setting of the service, which MORE_SETTINGS may have too.
setting() {
  local assignments assignment value=${2-}
  assign_settings
  for assignment in "${assignments[@]}"; do
    [[ $assignment != "$1="* ]] || value=${assignment#*=}
  done
  printf '%s\n' "$value"
}

# starts WHAT: whether the service may start an export or an import.
starts() {
  [[ $(setting STARTS datastore:export,firestore:exportDocuments) == *"$1"* ]]
}

# A JSON object of strings as the value of one flag. gcloud takes the text between the first two "^" as the separator.
as_flag() {
  jq -r '"^|^" + (to_entries | map("\(.key)=\(.value)") | join("|"))' <<<"$1"
}

# --- Asking ---

gc() {
  gcloud "$@" --project="$PROJECT" --quiet
}

# look COMMAND...: what gcloud answers, as JSON; nothing when that is not there, or its API is not enabled yet.
look() {
  local errors status=0
  errors=$(mktemp)
  gc "$@" --format=json 2>"$errors" || status=$?
  if ((status != 0)) && ! grep -qE 'NOT_FOUND|Cannot find|SERVICE_DISABLED|has not been used in project' "$errors"; then
    cat "$errors" >&2
  else
    status=0
  fi
  rm -f "$errors"
  return "$status"
}

# recall COMMAND...: as look, but asks only once until a change of the same kind: gcloud takes a second a call.
recall() {
  local words=$* file
  file=$scratch/${words//[^A-Za-z0-9]/_}
  [[ -e $file ]] || look "$@" >"$file" || {
    rm -f "$file"
    return 1
  }
  cat "$file"
}

# forget KIND: what recall knows of pubsub, tasks and so on.
forget() {
  rm -f "$scratch/$1"_*
}

# describe COMMAND...: as recall, with the verb "describe".
describe() {
  recall "${@/#%/describe}"
}

# --- Changing ---

# change SENTENCE COMMAND...: says it and does it; with --dry-run it only says what it would do.
change() {
  local sentence=$1
  shift
  case $dry_run in
    '')
      say "$sentence"
      attempt "$@"
      ;;
    doctor) problem "deploy/up would $sentence" ;;
    *) say "would $sentence:$(printf ' %q' gcloud "$@")" ;;
  esac
}

# What was made a moment ago may not be seen everywhere yet: an account by a policy, an enabled API by its own front,
# a grant by who needs it.
attempt() {
  local errors tries=0 later='does not exist|SERVICE_DISABLED|has not been used in project|Permission denied on secret'
  forget "$1"
  errors=$(mktemp)
  until gc "$@" < <(printf %s "$input") >/dev/null 2>"$errors"; do
    if ((++tries > 12)) || ! grep -qE "$later" "$errors"; then
      if [[ -n $refusal ]]; then
        mv "$errors" "$refusal"
        return 1
      fi
      cat "$errors" >&2
      hint "$errors"
      rm -f "$errors"
      return 1
    fi
    sleep "${OPWATCH_RETRY_SECONDS:-5}"
  done
  rm -f "$errors"
}

# hint ERRORS: what to do about an error, where gcloud does not say it.
hint() {
  # Google makes a service's own account at its first use, if not before.
  if grep -q 'gcp-sa-.*does not exist' "$1"; then
    say "to create that account, run: gcloud beta services identity create --project=$PROJECT" \
      "--service=pubsub.googleapis.com (or cloudtasks.googleapis.com); then run this again" >&2
  elif grep -qE 'constraints/gcp\.resourceLocations' "$1"; then
    say "your organization allows resources in some locations only. To list them, run: gcloud org-policies describe" \
      "gcp.resourceLocations --project=$PROJECT --effective; then set REGION, SECRET_LOCATIONS and TOPIC_REGIONS to such" \
      "locations in deploy/settings.env and run this again" >&2
  elif grep -qE 'constraints/[A-Za-z.]+' "$1"; then
    say "a policy of your organization refuses this. To see what it allows, run: gcloud org-policies describe" \
      "$(sed -nE '/constraints\//{ s/.*constraints\/([A-Za-z.]+).*/\1/p; q; }' "$1") --project=$PROJECT --effective" >&2
  fi
}

# settle WHAT WANTED ACTUAL COMMAND...: creates it, updates it, or leaves it, as JSON object WANTED has it. ACTUAL
# has the same fields, and is empty when there is none.
settle() {
  local what=$1 wanted=$2 actual=$3 differences
  shift 3
  if [[ -z $actual ]]; then
    change "create $what" "${@/#%/create}"
    return
  fi
  differences=$(jq -nr --argjson wanted "$wanted" --argjson actual "$actual" '
    [$wanted | to_entries[] | select(.value != $actual[.key]) | "\(.key): \($actual[.key]) -> \(.value)"] | join(", ")')
  if [[ -n $differences ]]; then
    change "update $what ($differences)" "${@/#%/update}"
  else
    unchanged "$what"
  fi
}

# The condition of the next grants: an expression, and what it is called. None when empty.
condition='' condition_title=''

# holds MEMBER ROLE COMMAND...: whether the policy of that resource grants it, with that condition.
holds() {
  local member=$1 granted=$2 policy
  shift 2
  policy=$(recall "${@/#%/get-iam-policy}") || exit
  jq -en --argjson policy "${policy:-null}" --arg member "$member" --arg role "$granted" --arg condition "$condition" '
    [$policy.bindings[]? | select(.role == $role and (.condition.expression // "") == $condition) | .members[]]
    | index($member)' >/dev/null
}

# change_binding SENTENCE add|remove MEMBER ROLE COMMAND...
change_binding() {
  local sentence=$1 verb=$2-iam-policy-binding binding=(--member="$3" --role="$4")
  shift 4
  if [[ -n $condition ]]; then
    binding+=(--condition="expression=$condition,title=$condition_title")
  elif [[ $1 == projects ]]; then
    # A project's policy may have conditions, and then gcloud asks for one.
    binding+=(--condition=None)
  fi
  change "$sentence" "${@/#%/$verb}" "${binding[@]}"
}

# grant WHERE MEMBER ROLE COMMAND...
grant() {
  local where=$1 member=$2 granted=$3
  shift 3
  if holds "$member" "$granted" "$@"; then
    unchanged "$granted on $where for ${member#*:}"
  else
    change_binding "grant $granted on $where to ${member#*:}" add "$member" "$granted" "$@"
  fi
}

# revoke WHERE MEMBER ROLE COMMAND...
revoke() {
  local where=$1 member=$2 granted=$3
  shift 3
  if holds "$member" "$granted" "$@"; then
    change_binding "revoke $granted on $where from ${member#*:}" remove "$member" "$granted" "$@"
  else
    say "not granted: $granted on $where for ${member#*:}"
  fi
}

# remove WHAT COMMAND...
remove() {
  local what=$1 actual
  shift
  actual=$(describe "$@")
  if [[ -n $actual ]]; then
    change "delete $what" "${@/#%/delete}"
  else
    say "not found: $what"
  fi
}

# --- Cloud Run ---

# runtime_flags VERSION: what the service and the doctor's job have in common. VERSION is the secret's: a pinned one,
# so that a new secret is a new revision, and an old revision keeps the secret that it was made with.
runtime_flags() {
  local secrets=--clear-secrets
  [[ -z $secret_setting ]] || secrets=--set-secrets=$secret_setting=$secret:$1
  printf '%s\n' --region="$REGION" --service-account="$run_account" --cpu=1 --memory=512Mi \
    --set-env-vars="$(as_flag "$(service_environment)")" "$secrets"
}

# The newest usable version of the secret; nothing when there is none.
secret_version() {
  local versions
  versions=$(recall secrets versions list "$secret" --filter=state=ENABLED)
  jq -rn --argjson versions "${versions:-[]}" '[$versions[].name | sub(".*/"; "") | tonumber] | max // ""'
}

# --- The ledger ---

# The kinds that opwatch writes; none when the ledger is off.
ledger_kinds() {
  [[ -z ${LEDGER_KIND-} ]] || printf '%s\n' "$LEDGER_KIND" "${LEDGER_KIND}Claim" "${LEDGER_KIND}Last"
}

# ledger_policy KIND: the TTL policy of the kind; nothing when there is none.
ledger_policy() {
  local policies
  policies=$(look firestore fields ttls list --collection-group="$1" --database="${LEDGER_DATABASE:-(default)}")
  jq -rn --argjson policies "${policies:-[]}" '$policies[].name | select(endswith("/fields/expires"))'
}

# ledger_ttl KIND enable|disable
ledger_ttl() {
  change "$2 the TTL policy of kind $1" firestore fields ttls update expires --collection-group="$1" --"$2"-ttl \
    --database="${LEDGER_DATABASE:-(default)}" --async
}

# --- Messages ---

# The binary, when one is built that can check messages: the one parser of messages.
binary() {
  local candidate
  for candidate in "${OPWATCH_BINARY-}" "$deploy/../target/release/opwatch" "$deploy/../target/debug/opwatch" opwatch; do
    if command -v "$candidate" >/dev/null && "$candidate" validate --help >/dev/null 2>&1; then
      printf '%s\n' "$candidate"
      return
    fi
  done
}

# check_message FILE [WHAT [OPTION...]]: with opwatch itself; without it, only that it is JSON. WHAT is what people know it
# as, the options are those of opwatch validate.
check_message() {
  local opwatch what=${2:-$1} said status=0
  opwatch=$(binary)
  if [[ -n $opwatch ]]; then
    said=$("$opwatch" validate "${@:3}" "$1" 2>&1) || status=$?
    said=${said//"$1"/"$what"}
    ((status == 0)) || die "opwatch would reject this message: ${said#opwatch: }"
    say "$said"
  else
    jq -e 'type == "object"' "$1" >/dev/null || die "this is not a JSON object: $what"
    say "opwatch is not built here (run cargo build), so only the JSON syntax was checked: $what"
  fi
}

# publish JSON: its message id.
publish() {
  gc pubsub topics publish "$topic" --message="$1" --format='value(messageIds[0])'
}

# --- Watches ---

# What waits in the queues of checks and reports: a JSON object a line. Notices are of no watch.
watches_in_flight() {
  local queue tasks id
  for queue in "$check_queue" "$report_queue"; do
    tasks=$(look tasks list --queue="$queue" --location="$REGION")
    while read -r id; do
      # A task that ran since then is gone.
      look tasks describe "$id" --queue="$queue" --location="$REGION" --response-view=full
    done < <(jq -rn --argjson tasks "${tasks:-[]}" '$tasks[].name | sub(".*/"; "")')
  done | jq -c -f "$deploy/jq/watch.jq"
}

# print_watches WATCHES: for people. A sentinel is shown in the line of its watch's next step, and by itself without one.
print_watches() {
  jq -rs '
    (map(select(.sentinel) | {key: .id, value: .due}) | from_entries) as $sentinels
    | (map(select(.sentinel | not) | .id)) as $going
    | .[] | select((.sentinel and (.id | IN($going[]))) | not)
    | "\(.id)  \(.title)\n    \(.operation)\n    \(.step), due \(.due)\(
        if (.sentinel | not) and $sentinels[.id] then ", sentinel due \($sentinels[.id])" else "" end
      )\(.marks | map("  ** \(.) **") | add // "")"' <<<"$1"
}
