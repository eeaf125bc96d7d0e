# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # deploy/lib.sh has what is set here and read elsewhere
# The steps of deploy/up in the project: APIs, accounts, who may do what, Slack's secret, the ledger. Sourced.

# Projects made until this day need the Pub/Sub agent's token grant
# (https://cloud.google.com/run/docs/tutorials/pubsub).
last_day_of_token_grant=2021-04-08

learn_project() {
  local project number
  project=$(gc projects describe "$PROJECT" --format=json)
  number=$(jq -r .projectNumber <<<"$project")
  created=$(jq -r '.createTime[:10]' <<<"$project")
  pubsub_agent=serviceAccount:service-$number@gcp-sa-pubsub.iam.gserviceaccount.com
  tasks_agent=serviceAccount:service-$number@gcp-sa-cloudtasks.iam.gserviceaccount.com
}

enable_apis() {
  local api enabled apis=(cloudscheduler cloudtasks datastore firestore iam logging pubsub run secretmanager) missing=()
  [[ -n ${IMAGE-} ]] || apis+=(artifactregistry cloudbuild)
  [[ ${ALERTS-} != yes ]] || apis+=(monitoring)
  enabled=$(gc services list --enabled --format='value(config.name)')
  for api in "${apis[@]}"; do
    grep -qxF "$api.googleapis.com" <<<"$enabled" || missing+=("$api.googleapis.com")
  done
  if ((${#missing[@]} > 0)); then
    change "enable ${missing[*]}" services enable "${missing[@]}"
  else
    unchanged "the APIs are enabled"
  fi
}

# --- Who may do what ---

# ensure_account ACCOUNT WHAT
ensure_account() {
  local actual
  actual=$(describe iam service-accounts % "$1")
  settle "account $1" '{}' "${actual:+"{}"}" iam service-accounts % "${1%%@*}" --display-name="$2"
}

ensure_accounts() {
  ensure_account "$run_account" "opwatch: what the service runs as"
  ensure_account "$push_account" "opwatch: what Pub/Sub pushes as"
  ensure_account "$tasks_account" "opwatch: what Cloud Tasks publishes as"
}

# The permissions of the runtime account in the project, and no more, separated by commas:
#   datastore.operations.get   reads an operation: every check
#   datastore.operations.list  looks up, before each start, whether the operation runs already; also `opwatch doctor`
#   datastore.databases.export starts an export, of Datastore and of Firestore; only when STARTS has one
#   datastore.databases.import starts an import; only when STARTS has one
# and for each other service of SERVICES those that read its operations (deploy/lib/services.json).
# Operations belong to the project, so there is no smaller resource to grant them on.
role_permissions() {
  local permissions=datastore.operations.get,datastore.operations.list
  ! starts import || permissions=datastore.databases.import,$permissions
  ! starts export || permissions=datastore.databases.export,$permissions
  chosen_services '[.permissions[]?]' | jq -r --arg permissions "$permissions" '
    [$permissions | split(",")[]] as $own | $own + ([.[][]] - $own | unique) | join(",")'
}

# chosen_services FILTER: FILTER of each service of SERVICES, a JSON object by id; null is a service that is not in the table.
# SERVICES has ids, or "all" without some: all,-compute.
chosen_services() {
  jq --arg services "$(setting SERVICES datastore,firestore)" '
    ($services | [splits(" *, *") | gsub("^ +| +$"; "") | select(. != "")]) as $items
    | ($items | map(select(startswith("-"))[1:])) as $without
    | . as $table
    | (if $items | index("all") then keys - $without else [] end) + ($items | map(select(. != "all" and (startswith("-") | not))))
    | unique | map({key: ., value: ($table[.] | '"$1"')}) | from_entries' "$deploy/lib/services.json"
}

# Services of SERVICES that the role of a project gives no access to, or of which no permission is known.
say_services_without_access() {
  local places
  places=$(chosen_services '. // {permissions: []}')
  warn_of_services '.permissions == []' \
    "warning: the permission to read operations of these services is unknown: grant $run_account a role that includes it"
  warn_of_services '.permissions != [] and .place == "aboveProject"' \
    "warning: operations of these services belong to an organization or folder, so opwatch can read them only if $run_account" \
    "is granted their permission there, with a custom role of the organization or a predefined one"
  warn_of_services '.permissions != [] and .place == "projectAndAbove"' \
    "note: operations of these services may belong to an organization or folder; opwatch reads those only if $run_account" \
    "is granted their permission there; for those of the project nothing is missing"
}

# warn_of_services CONDITION TEXT...
warn_of_services() {
  local ids
  ids=$(jq -r "to_entries | map(select(.value | $1) | .key) | join(\", \")" <<<"$places")
  shift
  [[ -z $ids ]] || say "$*: $ids"
}

# supported_permissions PERMISSIONS: those of them that a custom role of the project may have, separated by commas. IAM knows
# (https://cloud.google.com/iam/docs/custom-roles-permissions-support); all of them when it can't be asked yet.
supported_permissions() {
  recall iam list-testable-permissions "//cloudresourcemanager.googleapis.com/projects/$PROJECT" |
    jq -rs --arg permissions "$1" '
      ($permissions | split(",")) as $wanted
      | [.[][] | select(.customRolesSupportLevel != "NOT_SUPPORTED").name] as $supported
      | $wanted - (if $supported == [] then [] else $wanted - $supported end) | join(",")'
}

# What the role of the project has in the end: role_permissions without what IAM refuses.
permissions=''
# What IAM refuses, separated by commas.
refused=''

ensure_role() {
  local actual wanted
  wanted=$(role_permissions)
  permissions=$wanted
  actual=$(describe iam roles % "$role")
  if [[ -n $actual && $(jq .deleted <<<"$actual") == true ]]; then
    change "undelete role $role" iam roles undelete "$role"
  fi
  actual=$(jq -ncS --argjson actual "${actual:-null}" '
    $actual | select(. != null) | {permissions: (.includedPermissions // [] | sort), stage}')
  # IAM is asked only before the role becomes another one. It supports all permissions of Datastore.
  if [[ $(role_as_json) != "$actual" ]] && grep -qv '^datastore\.' <<<"${wanted//,/$'\n'}"; then
    permissions=$(supported_permissions "$wanted")
  fi
  settle_role
  refused=$(jq -rn --arg wanted "$wanted" --arg permissions "$permissions" '
    ($wanted | split(",")) - ($permissions | split(",")) | join(", ")')
  [[ -z $refused ]] || say "warning: IAM refuses these permissions in a custom role of a project, so role $role is without them;" \
    "grant $run_account a predefined role that has them, or remove their services from SERVICES: $refused"
  grant "project $PROJECT" "serviceAccount:$run_account" "$role_name" projects % "$PROJECT"
  say_services_without_access
  say_other_projects
}

role_as_json() {
  jq -ncS --arg permissions "$permissions" '{permissions: ($permissions | split(",") | unique), stage: "GA"}'
}

# Creates or updates the role. IAM may refuse what it lists as supported: that is left out too. It names one at a time.
settle_role() {
  local unwanted
  refusal=$scratch/refusal
  until settle "role $role" "$(role_as_json)" "$actual" iam roles % "$role" \
    --title="opwatch: reads operations, starts exports" --permissions="$permissions" --stage=GA; do
    unwanted=$(sed -nE '/Permission [^ ]+ is not (valid|supported in custom roles)\./{ s/.*Permission ([^ ]+) is not .*/\1/p; q; }' "$refusal")
    if [[ -z $unwanted || ,$permissions, != *,"$unwanted",* ]]; then
      cat "$refusal" >&2
      return 1
    fi
    say "IAM refuses permission $unwanted"
    permissions=$(jq -rn --arg permissions "$permissions" --arg unwanted "$unwanted" '
      $permissions | split(",") - [$unwanted] | join(",")')
  done
  refusal=''
}

# The same role in each other project, which only its owner can make and grant there.
say_other_projects() {
  local project projects
  projects=$(setting PROJECTS)
  for project in ${projects//,/ }; do
    [[ $project != "$PROJECT" ]] || continue
    say "for $project, its owner must run once (\`gcloud iam roles update\` instead of create if the role already exists):" \
      $'\n'"  gcloud iam roles create $role --project=$project --stage=GA --title='opwatch of $PROJECT'" \
      "--permissions=$permissions" \
      $'\n'"  gcloud projects add-iam-policy-binding $project --condition=None" \
      "--member=serviceAccount:$run_account --role=projects/$project/roles/$role"
  done
}

# `opwatch doctor` looks whether the topics are there.
grant_doctor() {
  local of
  for of in "$topic" "$internal_topic"; do
    grant "topic $of" "serviceAccount:$run_account" roles/pubsub.viewer pubsub topics % "$of"
  done
}

# Cloud Tasks publishes the next message with the token of the tasks account: the runtime account may name it in a
# task, Cloud Tasks may make its token, and it may publish to the internal topic. What is published there is trusted.
grant_tasks_account() {
  local member where="account $tasks_account"
  for member in "serviceAccount:$run_account" "$tasks_agent"; do
    grant "$where" "$member" roles/iam.serviceAccountUser iam service-accounts % "$tasks_account"
  done
  grant "topic $internal_topic" "serviceAccount:$tasks_account" roles/pubsub.publisher pubsub topics % "$internal_topic"
  say_other_publishers "$internal_topic" "serviceAccount:$tasks_account"
}

# say_other_publishers TOPIC OWN-MEMBER
say_other_publishers() {
  local policy others
  policy=$(recall pubsub topics get-iam-policy "$1")
  others=$(other_members "$policy" "$2" roles/pubsub.publisher)
  [[ -z $others ]] || problem "topic $1 accepts messages from $others, and what is published there is" \
    "trusted: revoke these grants (gcloud pubsub topics get-iam-policy $1 shows them)"
}

# For deploy/doctor: who can publish to the internal topic by a grant on the project, which no grant on the topic takes back. That
# Owners can is said in SECURITY.md.
say_inherited_publishers() {
  local policy members
  policy=$(recall projects get-iam-policy "$PROJECT")
  members=$(jq -rn --argjson policy "${policy:-null}" '
    [$policy.bindings[]? | .role as $role
      | select($role | IN("roles/pubsub.publisher", "roles/pubsub.editor", "roles/pubsub.admin", "roles/editor"))
      | .members[] | "\(.) (\($role))"] | unique | join(", ")')
  [[ -z $members ]] || say "note  what these publish to topic $internal_topic is trusted, and grants on the project let them: $members." \
    "If you would not trust them with every report, grant roles on single topics instead (SECURITY.md)"
}

# other_members POLICY OWN-MEMBER ROLE: who else the policy grants that role, or one that includes it.
other_members() {
  jq -rn --argjson policy "${1:-null}" --arg own "$2" --arg role "$3" '
    [$policy.bindings[]? | select(.role | IN($role, "roles/pubsub.editor", "roles/pubsub.admin", "roles/editor", "roles/owner"))
      | .members[] | select(. != $own)] | unique | join(", ")'
}

# Tasks made by version 0.1 publish to the public topic. While any of them may still wait, the tasks account may too.
settle_public_grant() {
  local member=serviceAccount:$tasks_account
  if [[ -n $accept_until ]]; then
    grant "topic $topic" "$member" roles/pubsub.publisher pubsub topics % "$topic"
  elif holds "$member" roles/pubsub.publisher pubsub topics % "$topic"; then
    change_binding "revoke roles/pubsub.publisher on topic $topic from $tasks_account" remove "$member" \
      roles/pubsub.publisher pubsub topics % "$topic"
  fi
}

grant_push_account() {
  grant "service $service" "serviceAccount:$push_account" roles/run.invoker \
    run services % "$service" --region="$REGION"
  if [[ $created > $last_day_of_token_grant ]]; then
    return
  fi
  grant "account $push_account" "$pubsub_agent" roles/iam.serviceAccountTokenCreator \
    iam service-accounts % "$push_account"
}

# --- The secret ---

# ensure_secret NEW: a new version is stored when NEW is not empty.
ensure_secret() {
  local version exists new=$1 create=(--replication-policy=automatic)
  if [[ -z $secret_setting ]]; then
    say "none is needed: SLACK=$SLACK"
    return
  fi
  [[ -z ${SECRET_LOCATIONS-} ]] || create=(--replication-policy=user-managed --locations="$SECRET_LOCATIONS")
  version=$(secret_version)
  if [[ -n $version && -z $new ]] && holds_another_kind; then
    say "SLACK is now ${SLACK:-webhook}, but the stored secret is of the other kind: a new one is needed"
    new=yes
  fi
  if [[ -n $version && -z $new ]]; then
    unchanged "secret $secret"
  else
    exists=$(describe secrets % "$secret")
    [[ -n $dry_run ]] || read_secret
    if [[ -z $exists ]]; then
      change "create secret $secret" secrets create "$secret" "${create[@]}" --data-file=-
    else
      change "add a version to secret $secret" secrets versions add "$secret" --data-file=-
    fi
    input=''
  fi
  [[ -z ${SECRET_LOCATIONS-} ]] || check_secret_locations
  grant "secret $secret" "serviceAccount:$run_account" roles/secretmanager.secretAccessor secrets % "$secret"
}

# Where a secret is stored is fixed when it is created.
check_secret_locations() {
  local actual locations
  actual=$(describe secrets % "$secret")
  locations=$(jq -rn --argjson actual "${actual:-null}" '
    $actual | select(. != null) | [.replication.userManaged.replicas[]?.location] | join(",")')
  if [[ -n $actual && $(sorted_words "$locations") != "$(sorted_words "$SECRET_LOCATIONS")" ]]; then
    problem "secret $secret is stored in ${locations:-automatic locations}, not in $SECRET_LOCATIONS. This can't be" \
      "changed afterwards: delete the secret (gcloud secrets delete $secret --project=$PROJECT) and run deploy/up again"
  fi
}

sorted_words() {
  tr ',' '\n' <<<"$1" | LC_ALL=C sort
}

# Whether the service reads the secret as a webhook and is now to read it as a token, or the other way round.
holds_another_kind() {
  jq -en --argjson actual "${service_json:-null}" --arg setting "$secret_setting" '
    [$actual.spec.template.spec.containers[0].env[]? | select(.valueFrom != null) | .name] as $names
    | $names != [] and ($names | index($setting)) == null' >/dev/null
}

# Into `input`. No message repeats it.
read_secret() {
  local prefix=https://hooks.slack.com/ what='the webhook (https://hooks.slack.com/services/…)'
  case ${SLACK-} in
    bot) prefix=xoxb- what='the bot token (xoxb-…)' ;;
    chat-webhook)
      prefix=https://chat.googleapis.com/v1/spaces/
      what='the webhook (https://chat.googleapis.com/v1/spaces/…/messages?key=…&token=…)'
      ;;
  esac
  if [[ -n ${SLACK_SECRET_FILE-} ]]; then
    [[ -r $SLACK_SECRET_FILE ]] || die "SLACK_SECRET_FILE=$SLACK_SECRET_FILE can't be read"
    IFS= read -r input <"$SLACK_SECRET_FILE" || [[ -n $input ]] || die "SLACK_SECRET_FILE=$SLACK_SECRET_FILE is empty"
  else
    printf 'Secret: paste %s (input is hidden): ' "$what" >&2
    IFS= read -rs input || [[ -n $input ]] || die "no secret was given: run this in a terminal, or set SLACK_SECRET_FILE"
    echo >&2
  fi
  [[ $input == "$prefix"* ]] || die "that is not $what"
  if [[ $prefix == https://hooks* && ! $input =~ ^https://hooks\.slack\.com/services/T[^/]*/B[^/]*/[^/]+$ ]]; then
    die "that is not $what: create an incoming webhook (api.slack.com/apps: your app, Incoming Webhooks); a URL of" \
      "Workflow Builder (/triggers/…, /workflows/…) or of a slash command (/commands/…) posts no messages"
  fi
}

# --- The ledger ---

# The grant is conditioned on the one database
# (https://cloud.google.com/datastore/docs/manage-databases#configure_per-database_access_permissions).
# ledger_condition PROJECT-OF-THE-LEDGER
ledger_condition() {
  printf 'resource.name == "projects/%s/databases/%s"' "$1" "$(setting LEDGER_DATABASE '(default)')"
}

# The project of the ledger; nothing when it is off. MORE_SETTINGS may have it too.
ledger_project() {
  service_environment | jq -r --arg here "$PROJECT" 'if .LEDGER_KIND then .LEDGER_PROJECT // $here else "" end'
}

# ledger_binding add|remove PROJECT-OF-THE-LEDGER: the command that its owner must run. gcloud removes only a grant of the same
# condition and title.
ledger_binding() {
  printf "gcloud projects %s-iam-policy-binding %s --condition='expression=%s,title=%s' --member=%s --role=roles/datastore.user" \
    "$1" "$2" "$(ledger_condition "$2")" "$ledger_title" "serviceAccount:$run_account"
}

# Off unless LEDGER_KIND is set. Its entities carry the time after which Datastore may remove them.
ensure_ledger() {
  local kind where
  where=$(ledger_project)
  if [[ -n $where ]]; then
    step "ledger"
  fi
  settle_ledger_grant "$where"
  if [[ -n $where && $where != "$PROJECT" ]]; then
    say "in $where, its owner must run once (docs/history.md has the other steps):" $'\n'"  $(ledger_binding add "$where")"
    return
  fi
  for kind in $(ledger_kinds); do
    if [[ -n $(ledger_policy "$kind") ]]; then
      unchanged "TTL policy of kind $kind"
    else
      ledger_ttl "$kind" enable
    fi
  done
}

# settle_ledger_grant PROJECT-OF-THE-LEDGER: grants the database, and takes back what is wider or of another one.
settle_ledger_grant() {
  local member=serviceAccount:$run_account wanted='' found
  if [[ $1 == "$PROJECT" ]]; then
    wanted=$(ledger_condition "$1")
    condition=$wanted condition_title=$ledger_title
    grant "database $(setting LEDGER_DATABASE '(default)')" "$member" roles/datastore.user projects % "$PROJECT"
    condition='' condition_title=''
  fi
  while IFS=$'\t' read -r condition_title condition; do
    [[ -z $wanted || $condition != "$wanted" ]] || continue
    change_binding "revoke roles/datastore.user on project $PROJECT${condition:+ (where $condition)} from $run_account" \
      remove "$member" roles/datastore.user projects % "$PROJECT"
  done < <(ledger_grants)
  condition='' condition_title=''
}

# The conditions of the runtime account's grants of roles/datastore.user: title and expression.
ledger_grants() {
  local policy
  policy=$(recall projects get-iam-policy "$PROJECT")
  jq -rn --argjson policy "${policy:-null}" --arg member "serviceAccount:$run_account" '
    $policy.bindings[]? | select(.role == "roles/datastore.user" and any(.members[]; . == $member))
    | [.condition.title // "-", .condition.expression // ""] | join("\t")'
}
