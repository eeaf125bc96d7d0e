# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # deploy/lib.sh has what is set here and read elsewhere
# The steps of deploy/up for what carries messages: topics, queues, subscriptions. Sourced.

# The label of the push subscription that deploy/pause sets: the second since when opwatch is paused.
pause_label=opwatch-paused

# --- Topics and queues ---

# ensure_topic TOPIC
ensure_topic() {
  local actual regions=${TOPIC_REGIONS-} flags=()
  [[ -z $regions ]] || flags=(--message-storage-policy-allowed-regions="$regions")
  actual=$(describe pubsub topics % "$1")
  if [[ -z $regions ]]; then
    settle "topic $1" '{}' "${actual:+"{}"}" pubsub topics % "$1"
    return
  fi
  actual=$(jq -n --argjson actual "${actual:-null}" '$actual | select(. != null)
    | {regions: (.messageStoragePolicy.allowedPersistenceRegions // [] | sort | join(","))}')
  settle "topic $1" "$(jq -n --arg regions "$regions" '{regions: ($regions | split(",") | sort | join(","))}')" \
    "$actual" pubsub topics % "$1" "${flags[@]}"
}

# ensure_queue QUEUE DISPATCHES-PER-SECOND. A task is retried without end: Cloud Tasks deletes an exhausted one
# silently, and its watch would end in silence.
ensure_queue() {
  local actual wanted state
  actual=$(describe tasks queues % "$1" --location="$REGION")
  state=$(jq -rn --argjson actual "${actual:-null}" '$actual.state // ""')
  wanted=$(jq -n --argjson rate "$2" \
    '{maxAttempts: -1, maxBackoff: "300s", maxDispatchesPerSecond: $rate, logSamplingRatio: 1}')
  actual=$(jq -n --argjson actual "${actual:-null}" '$actual | select(. != null) | {
    maxAttempts: .retryConfig.maxAttempts, maxBackoff: .retryConfig.maxBackoff,
    maxDispatchesPerSecond: .rateLimits.maxDispatchesPerSecond,
    logSamplingRatio: .stackdriverLoggingConfig.samplingRatio}')
  settle "queue $1" "$wanted" "$actual" tasks queues % "$1" --location="$REGION" --max-attempts=-1 \
    --max-backoff=300s --max-dispatches-per-second="$2" --log-sampling-ratio=1.0
  if [[ $state == PAUSED && -n $paused_since ]]; then
    say "left paused: queue $1"
  elif [[ $state == PAUSED ]]; then
    change "resume queue $1" tasks queues resume "$1" --location="$REGION"
  fi
  grant "queue $1" "serviceAccount:$run_account" roles/cloudtasks.enqueuer \
    tasks queues % "$1" --location="$REGION"
}

ensure_topics_and_queues() {
  local of
  for of in "$topic" "$internal_topic" "$dead_topic"; do
    ensure_topic "$of"
  done
  # 500 per second is the most that Cloud Tasks allows a queue.
  ensure_queue "$check_queue" 500
  for of in "${check_queue_roles[@]}"; do
    grant "queue $check_queue" "serviceAccount:$run_account" "$of" tasks queues % "$check_queue" --location="$REGION"
  done
  ensure_queue "$report_queue" "${REPORT_RATE:-500}"
  # Messages about messages that can't be used: many of them must not delay a report.
  ensure_queue "$notice_queue" 1
}

# The topic of events, which may have been there before: the label says that deploy/up made it for this deployment.
ensure_events_topic() {
  [[ -n ${EVENTS_TOPIC-} ]] || return 0
  if [[ -z $events_topic ]]; then
    say "the owner of $EVENTS_TOPIC must grant, if not done yet: gcloud pubsub topics add-iam-policy-binding $EVENTS_TOPIC" \
      "--member=serviceAccount:$run_account --role=roles/pubsub.publisher"
    return
  fi
  if [[ -n $(describe pubsub topics % "$events_topic") ]]; then
    unchanged "topic $events_topic"
  else
    change "create topic $events_topic" pubsub topics create "$events_topic" --labels="$events_label=$NAME"
  fi
  grant "topic $events_topic" "serviceAccount:$run_account" roles/pubsub.publisher pubsub topics % "$events_topic"
}

# --- Subscriptions ---

# ensure_push SUBSCRIPTION TOPIC URL RETENTION FLAG...: with what all subscriptions have in common.
ensure_push() {
  local id=$1 of=projects/$PROJECT/topics/$2 endpoint=$3 retention=$4 actual wanted on_create=(--topic="$2") push=()
  shift 4
  actual=$(describe pubsub subscriptions % "$id")
  if [[ -n $actual && $(jq -r .topic <<<"$actual") != "$of" ]]; then
    change "delete subscription $id, whose topic was deleted or replaced" pubsub subscriptions delete "$id"
    actual=''
  fi
  if [[ -n $paused_since ]]; then
    endpoint=''
  else
    push=(--push-endpoint="$endpoint" --push-auth-service-account="$push_account" --push-auth-token-audience="$audience")
  fi
  wanted=$(wanted_push "$endpoint" "$retention" "$@")
  actual=$(jq -n --argjson actual "${actual:-null}" '$actual | select(. != null) | {
    endpoint: (.pushConfig.pushEndpoint // ""), account: .pushConfig.oidcToken.serviceAccountEmail,
    audience: .pushConfig.oidcToken.audience, ackDeadline: .ackDeadlineSeconds, retention: .messageRetentionDuration,
    retry: [.retryPolicy.minimumBackoff, .retryPolicy.maximumBackoff], expires: (.expirationPolicy.ttl // "never"),
    deadLetter: [.deadLetterPolicy.deadLetterTopic, .deadLetterPolicy.maxDeliveryAttempts]}')
  [[ -z $actual ]] || on_create=()
  settle "subscription $id" "$wanted" "$actual" pubsub subscriptions % "$id" "${on_create[@]}" \
    "${push[@]}" --ack-deadline=60 --min-retry-delay=10s --max-retry-delay=600s \
    --message-retention-duration="$retention" --expiration-period=never "$@"
}

# wanted_push URL RETENTION [FLAG]...: without a URL, of a subscription that is paused.
wanted_push() {
  jq -n --arg endpoint "$1" --arg account "$push_account" --arg audience "$audience" --arg retention "$2" \
    --arg dead "projects/$PROJECT/topics/$dead_topic" --argjson has_dead "$(($# > 2))" '
      def pushed(value): if $endpoint == "" then null else value end;
      {endpoint: $endpoint, account: pushed($account), audience: pushed($audience), ackDeadline: 60,
      retention: $retention, retry: ["10s", "600s"], expires: "never",
      deadLetter: (if $has_dead == 1 then [$dead, 100] else [null, null] end)}'
}

# ensure_subscription SUBSCRIPTION TOPIC PATH: one whose messages Pub/Sub gives up on after 100 deliveries.
ensure_subscription() {
  ensure_push "$1" "$2" "$url$3" 604800s --dead-letter-topic="$dead_topic" --max-delivery-attempts=100
  grant "subscription $1" "$pubsub_agent" roles/pubsub.subscriber pubsub subscriptions % "$1"
}

# What Pub/Sub gives up on comes back to /dead-letter, and stays for as long as Pub/Sub keeps anything: 31 days.
# Messages are let in last, when all that they need is there.
ensure_subscriptions() {
  ensure_push "$dead_subscription" "$dead_topic" "$url/dead-letter" 2678400s
  grant "topic $dead_topic" "$pubsub_agent" roles/pubsub.publisher pubsub topics % "$dead_topic"
  ensure_subscription "$internal_subscription" "$internal_topic" /internal
  ensure_subscription "$subscription" "$topic" /
}

# --- A pause ---

# Sets `paused_since`, a second; empty when opwatch is not paused.
learn_pause() {
  local actual
  actual=$(describe pubsub subscriptions % "$subscription")
  paused_since=$(jq -rn --argjson actual "${actual:-null}" --arg mark "$pause_label" '$actual.labels[$mark] // ""')
}

say_pause() {
  say "paused since $(utc "$paused_since"). Messages published since then are kept until $(utc $((paused_since + 604800)))," \
    "waiting tasks until $(utc $((paused_since + 2678400))) (a message or task that was waiting before is deleted" \
    "correspondingly earlier). deploy/resume ends the pause."
}

# utc SECOND: as people read it.
utc() {
  jq -rn --argjson second "$1" '$second | strftime("%Y-%m-%d %H:%M UTC")'
}
