# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # deploy/lib.sh has what is set here and read elsewhere
# The buffer of digests (docs/outlets/digests.md): a topic that only the service publishes to, and a subscription that it pulls
# from. Sourced.

# The longest that Pub/Sub keeps a message: https://cloud.google.com/pubsub/docs/subscription-properties
digest_retention=2678400s

# Why the subscription can't be updated to what is needed; empty when it can.
digest_flaw=''
# The buffer of the service as it was found.
digest_topic_before=''

# learn_digests, after learn_service. Sets `digests` to "ending" when the service must not put more reports into the buffer, but
# still has to post those in it: when digests were switched off, or when the subscription has to be replaced.
learn_digests() {
  digest_topic_before=$(running DIGEST_TOPIC)
  if [[ $digests == on ]]; then
    digest_flaw=$(digest_subscription_flaw)
    [[ -n $digest_flaw ]] || return 0
  elif [[ -z $digest_topic_before && ${DIGESTS-} != no ]]; then
    return 0
  fi
  if is_buffering || reports_wait; then
    digests=ending
  fi
}

# Whether the running service may put a report into the buffer.
is_buffering() {
  [[ -n $(running DIGEST_TOPIC) && $(running DIGEST_ABOVE) != 0 ]]
}

# What no update changes: https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions
digest_subscription_flaw() {
  local actual
  actual=$(describe pubsub subscriptions % "$digest_subscription")
  jq -rn --argjson actual "${actual:-null}" --arg topic "projects/$PROJECT/topics/$digest_topic" '
    $actual | select(. != null) | [
      (select(.topic == "_deleted-topic_") | "its topic was deleted"),
      (select(.topic | IN($topic, "_deleted-topic_") | not) | "its topic is \(.topic)"),
      (select(.detached == true) | "it is detached from its topic"),
      (select((.filter // "") != "") | "it has a filter"),
      (select(.bigqueryConfig // .cloudStorageConfig // .pubsubExportConfig // .pubsubliteExportConfig) | "it exports messages"),
      (select((.messageTransforms // []) != []) | "it transforms messages")
    ] | join(", ")'
}

# Before the service, whose first report must have where to go. The topic has no subscription of anything else.
ensure_digests() {
  case $digests in
    on) ensure_digest_buffer ;;
    ending) say_digests_end ;;
  esac
}

ensure_digest_buffer() {
  if [[ -n $digest_flaw ]]; then
    change "delete subscription $digest_subscription, since $digest_flaw" pubsub subscriptions delete "$digest_subscription"
  fi
  ensure_topic "$digest_topic"
  settle_digest_subscription
  grant "topic $digest_topic" "serviceAccount:$run_account" roles/pubsub.publisher pubsub topics % "$digest_topic"
  grant "subscription $digest_subscription" "serviceAccount:$run_account" roles/pubsub.subscriber \
    pubsub subscriptions % "$digest_subscription"
  say_other_publishers "$digest_topic" "serviceAccount:$run_account"
  say_other_subscribers
}

# A subscription that pushes, moves messages to a dead-letter topic, or holds refused ones back is corrected.
settle_digest_subscription() {
  local actual='' wanted flags=(--topic="$digest_topic")
  [[ -n $digest_flaw ]] || actual=$(describe pubsub subscriptions % "$digest_subscription")
  wanted=$(jq -n --arg retention "$digest_retention" '{endpoint: "", exactlyOnce: true, ackDeadline: 60, retention: $retention,
    expires: "never", deadLetter: null, retry: null}')
  actual=$(jq -n --argjson actual "${actual:-null}" '$actual | select(. != null) | {
    endpoint: (.pushConfig.pushEndpoint // ""), exactlyOnce: (.enableExactlyOnceDelivery // false),
    ackDeadline: .ackDeadlineSeconds, retention: .messageRetentionDuration, expires: (.expirationPolicy.ttl // "never"),
    deadLetter: .deadLetterPolicy.deadLetterTopic, retry: .retryPolicy.minimumBackoff}')
  [[ -z $actual ]] || flags=(--push-endpoint= --clear-dead-letter-policy --clear-retry-policy)
  settle "subscription $digest_subscription" "$wanted" "$actual" pubsub subscriptions % "$digest_subscription" "${flags[@]}" \
    --enable-exactly-once-delivery --ack-deadline=60 --message-retention-duration="$digest_retention" --expiration-period=never
}

# Who else could take reports out of the buffer.
say_other_subscribers() {
  local policy others
  policy=$(recall pubsub subscriptions get-iam-policy "$digest_subscription")
  others=$(other_members "$policy" "serviceAccount:$run_account" roles/pubsub.subscriber)
  [[ -z $others ]] || problem "$others may take reports out of subscription $digest_subscription, and those are not posted:" \
    "revoke these grants (gcloud pubsub subscriptions get-iam-policy $digest_subscription shows them)"
}

say_digests_end() {
  local why='digests are switched off'
  [[ -z $digest_flaw ]] || why="subscription $digest_subscription must be replaced, since $digest_flaw"
  problem "$why. First the service posts the reports that are in the buffer, and puts no more into it:" \
    "run deploy/up again in ten minutes"
}

# After the service, which no longer uses the buffer then. Without DIGESTS=no nothing is asked, unless the service did use it.
retire_digests() {
  [[ $digests == off ]] || return 0
  [[ ${DIGESTS-} != no && -z $digest_topic_before ]] || remove_digests
}

remove_digests() {
  remove "subscription $digest_subscription" pubsub subscriptions % "$digest_subscription"
  remove "topic $digest_topic" pubsub topics % "$digest_topic"
}

# --- What is in the buffer ---

# Asked for once: how many reports are in the buffer, at least, and since when the first of these is.
reports_waiting='' waiting_since=''

# Sets both. Reports are pulled and released at once, since gcloud reads no metrics; a digest may be late by a minute at most. When
# there are none, Pub/Sub waits for one for a while before it says so.
learn_waiting_reports() {
  local pulled=$scratch/pulled errors=$scratch/pull_errors ids
  [[ -z $reports_waiting ]] || return 0
  if ! look pubsub subscriptions pull "$digest_subscription" --limit=100 >"$pulled" 2>"$errors"; then
    # Nothing can be pulled from a subscription that is detached, or that pushes.
    grep -q FAILED_PRECONDITION "$errors" || {
      cat "$errors" >&2
      die "subscription $digest_subscription can't be looked into: you need roles/pubsub.subscriber on it"
    }
  fi
  [[ -s $pulled ]] || printf '[]' >"$pulled"
  ids=$(jq -r '[.[].ackId] | join(",")' "$pulled")
  # If this fails, Pub/Sub releases them by itself after a minute.
  [[ -z $ids ]] || gc pubsub subscriptions modify-message-ack-deadline "$digest_subscription" --ack-ids="$ids" \
    --ack-deadline=0 >/dev/null 2>&1 || true
  reports_waiting=$(jq length "$pulled")
  waiting_since=$(jq -r '[.[].message.publishTime] | min // ""' "$pulled")
}

reports_wait() {
  learn_waiting_reports
  ((reports_waiting > 0))
}

# waiting_reports: "1 report", or "100 reports or more": no more are pulled.
waiting_reports() {
  case $reports_waiting in
    1) printf '1 report' ;;
    100) printf '100 reports or more' ;;
    *) printf '%s reports' "$reports_waiting" ;;
  esac
}

# For deploy/doctor. During a flood there are always some.
say_waiting_reports() {
  [[ $digests != off && -n $(describe pubsub subscriptions % "$digest_subscription") ]] || return 0
  if ! reports_wait; then
    say "ok    the buffer of digests is empty"
  elif jq -en --arg since "$waiting_since" 'now - ($since | sub("\\.[0-9]+Z$"; "Z") | fromdate) > 3600' >/dev/null; then
    problem "$(waiting_reports) in subscription $digest_subscription, the first since $waiting_since: the log of service $service" \
      "says why they are not posted"
  else
    say "note  $(waiting_reports) in the buffer of digests, the first since $waiting_since"
  fi
}
