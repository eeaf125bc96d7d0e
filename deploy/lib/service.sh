# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # deploy/lib.sh has what is set here and read elsewhere
# The steps of deploy/up for the Cloud Run service: what runs, an upgrade, its settings and traffic. Sourced.

# Pub/Sub keeps a message for 7 days, and a task of version 0.1 is due within a day. One day is spare.
upgrade_seconds=777600

# Sets `service_json`, as gcloud describes the running service, and `url`; both are empty when there is none.
learn_service() {
  service_json=$(describe run services % "$service" --region="$REGION")
  url=$(jq -rn --argjson service "${service_json:-null}" '$service.status.url // ""')
}

# running SETTING: its value in the running service; nothing when it is not set.
running() {
  jq -rn --argjson service "${service_json:-null}" --arg name "$1" '
    [$service.spec.template.spec.containers[0].env[]? | select(.name == $name) | .value // ""] | first // ""'
}

# Queues can't move, and a service in another region would be left behind.
check_region() {
  local services elsewhere
  [[ -z $service_json ]] || return 0
  services=$(look run services list)
  elsewhere=$(jq -rn --argjson services "${services:-[]}" --arg name "$service" --arg region "$REGION" '
    [$services[] | select(.metadata.name == $name) | .metadata.labels["cloud.googleapis.com/location"] // ""
    | select(. != "" and . != $region)] | join(", ")')
  [[ -z $elsewhere ]] || die "service $service is in $elsewhere, but REGION is now $REGION. Set REGION back; to move," \
    "run deploy/down with the old REGION first, or choose another NAME"
}

# --- The upgrade from version 0.1, whose next messages were published to the public topic ---

# Sets `accept_until`: until when the service accepts opwatch's own messages from the public topic. It is empty on a
# fresh install and after the upgrade. Sets `is_upgrade` on the first deployment over version 0.1.
learn_upgrade() {
  local waiting
  is_upgrade=''
  accept_until=$(running ACCEPT_PUBLIC_STATE_UNTIL)
  if is_version_0_1; then
    is_upgrade=yes
  elif [[ -z $accept_until ]]; then
    return
  fi
  waiting=$(last_public_task)
  accept_until=$(jq -rn --arg until "$accept_until" --argjson waiting "${waiting:-0}" --argjson extra "$upgrade_seconds" '
    ([$waiting, now | floor] | max) as $last
    | if $until == "" then $last + $extra | todate
      elif $waiting > 0 and ($until | fromdate) < $last + 604800 then $last + $extra | todate
      elif ($until | fromdate) < now then ""
      else $until end')
}

# Its service does not know the internal topic. Without a service its subscription tells, which is made last.
is_version_0_1() {
  if [[ -n $service_json ]]; then
    [[ -z $(running INTERNAL_TOPIC) ]]
  else
    [[ -n $(describe pubsub subscriptions % "$subscription") && -z $(describe pubsub topics % "$internal_topic") ]]
  fi
}

# When the last waiting task that publishes to the public topic is due, as a second; nothing when there is none.
last_public_task() {
  local queue tasks
  for queue in "$check_queue" "$report_queue"; do
    tasks=$(look tasks list --queue="$queue" --location="$REGION")
    jq -n --argjson tasks "${tasks:-[]}" --arg suffix "/$topic_name:publish" '
      $tasks[] | select(.httpRequest.url // "" | endswith($suffix))
      | .scheduleTime | sub("\\.[0-9]+Z$"; "Z") | fromdate'
  done | jq -s 'max // empty'
}

say_upgrade() {
  if [[ -z $is_upgrade ]]; then
    [[ -z $accept_until ]] ||
      say "the upgrade from version 0.1 is in progress: opwatch's own messages are accepted from topic $topic until $accept_until"
    return 0
  fi
  cat <<TEXT

This upgrades a deployment of version 0.1:
  - opwatch publishes its own messages to a new topic, $internal_topic, to which only $tasks_account may publish.
    Its subscription pushes to /internal. Messages about messages that can't be used have a queue, $notice_queue.
    Messages and tasks of version 0.1 are accepted from topic $topic until $accept_until (ACCEPT_PUBLIC_STATE_UNTIL).
    Run deploy/up once more after that: it ends this and revokes the account's grant on topic $topic.
  - Queue $report_queue dispatches ${REPORT_RATE:-500} reports per second instead of 1 (REPORT_RATE).
  - Exports may write only below EXPORT_PREFIXES, imports read only from IMPORT_PREFIXES. Messages may choose only from
    MENTIONS and SLACK_CHANNELS, by default MENTION and SLACK_CHANNEL.
  - At most ${MAX_STARTS_PER_HOUR:-100} starts per project and hour (MAX_STARTS_PER_HOUR).
  - A scheduled kickoff with a fixed folder needs \${datetime} in it: an export to a path that was used before is refused.
  - A scheduled kickoff must have no "key": deploy/schedule refuses it, since it starts nothing on every second night.
  - Some kickoffs that version 0.1 accepts are refused: check yours with opwatch validate *.json.
  - SLACK_WEBHOOK_URL must be a complete incoming webhook (https://hooks.slack.com/services/T…/B…/…), not
    a URL of Workflow Builder.
  - Watches for which neither the message nor CHECK_INTERVAL and CHECK_LIMIT say otherwise last 24 hours instead of one, with checks
    that become rarer. CHECK_INTERVAL=60s keeps a check a minute for an hour.
  - With a Slack bot or Google Chat, many ends at once are posted together, from topic and subscription $digest_topic.
    DIGESTS=no or DIGEST_ABOVE=0 keeps a message for each end.
  - The ledger's grant covers only its database. An image that deploy/up builds is deployed by its digest.
  To return to version 0.1 later, run deploy/rollback first, and remove the placeholders (\${date}, \${time}, \${datetime}, \${id})
  from scheduled kickoffs.
TEXT
}

# --- What must be set ---

# require_prefixes: exports and imports need to be bounded before anything is changed. On a terminal it asks.
require_prefixes() {
  ! starts export || require_prefix EXPORT_PREFIXES "exports may be written to"
  ! starts import || require_prefix IMPORT_PREFIXES "imports may be read from"
}

# require_prefix SETTING WHAT
require_prefix() {
  local answer='' line file=${OPWATCH_SETTINGS:-$deploy/settings.env}
  [[ -z $(setting "$1") ]] || return 0
  line="$1=gs://my-bucket/"
  if [[ -t 0 && $dry_run == '' ]]; then
    printf 'Bucket that %s (gs://NAME/, several separated by commas, or "any"): ' "$2" >&2
    read -r answer || true
    [[ -n $answer ]] || die "nothing was changed: add $line to $file"
    check_prefixes "$1" "$answer"
    [[ $answer =~ ^[A-Za-z0-9:/._,-]+$ ]] || die "$1=$answer: a bucket's name may contain only a-z, 0-9, -, _ and ."
    printf '%s=%s\n' "$1" "$answer" >>"$file"
    printf -v "$1" '%s' "$answer"
    say "added $1=$answer to $file"
    return
  fi
  die "$1 is not set, so nothing was changed. It says which buckets $2. Add a line to $file:" \
    $'\n'"  $line      the bucket, or several separated by commas" \
    $'\n'"  $1=any                   every bucket"
}

# --- The service ---

# Only the push account may call it, and only from inside Google. A push has 20 s, so 60 s cut nothing off.
ensure_service() {
  local version actual wanted flags=()
  version=$(secret_version)
  version=${version:-1}
  wanted=$(wanted_service "$version")
  actual=$(jq -n --argjson actual "${service_json:-null}" -f "$deploy/jq/service.jq")
  while IFS= read -r flag; do flags+=("$flag"); done < <(runtime_flags "$version")
  settle "service $service" "$wanted" "$actual" run deploy "$service" --image="$image" "${flags[@]}" \
    --no-allow-unauthenticated --ingress=internal --set-custom-audiences="$audience" --concurrency=80 --cpu-throttling \
    --timeout=60 --min-instances=0 --max-instances="${MAX_INSTANCES:-3}" --port=8080 \
    --startup-probe=httpGet.path=/ready,httpGet.port=8080,periodSeconds=1,timeoutSeconds=1,failureThreshold=30
  learn_service
  [[ -n $url || -n $dry_run ]] || die "service $service has no URL"
  url=${url:-https://URL-OF-$service}
}

# wanted_service SECRET-VERSION: as service.jq has it.
wanted_service() {
  jq -n --arg image "$image" --arg account "$run_account" --arg audience "$audience" \
    --arg secret "${secret_setting:+$secret_setting=$secret:$1}" --arg max "${MAX_INSTANCES:-3}" \
    --argjson environment "$(service_environment)" '{
      image: $image, account: $account, audiences: [$audience], ingress: "internal", concurrency: 80,
      timeout: 60, minInstances: "0", maxInstances: $max, cpu: 1000, memory: "512Mi", cpuThrottling: "true", port: 8080,
      startupProbe: {path: "/ready", periodSeconds: 1, failureThreshold: 30},
      environment: ($environment | to_entries | map("\(.key)=\(.value)") | sort), secrets: [$secret | select(. != "")]}'
}

# Once traffic was assigned to a revision by name, for instance by a roll-back in the console, no later deployment
# serves: https://cloud.google.com/run/docs/rollouts-rollbacks-traffic-migration. KEEP is not empty to leave it so.
ensure_traffic() {
  local keep=$1 traffic
  traffic=$(jq -rn --argjson service "${service_json:-null}" '
    [$service.spec.traffic[]? | select((.percent // 0) > 0)]
    | if . == [] or all(.latestRevision == true) then ""
      else map("\(.percent) % to \(.revisionName // "the latest revision")") | join(", ") end')
  [[ -n $traffic ]] || return 0
  if [[ -n $keep ]]; then
    problem "traffic is pinned ($traffic), so the latest deployment does not serve all pushes; without --keep-traffic" \
      "deploy/up moves it to the latest revision"
  else
    change "send all traffic to the latest revision (now: $traffic)" run services update-traffic "$service" \
      --region="$REGION" --to-latest
  fi
}
