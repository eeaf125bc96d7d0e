# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # deploy/lib.sh has what is set here and read elsewhere
# The steps of deploy/up for signals (docs/signals.md): the log sink with its topic, and what pushes to /events. Sourced.

# A signal that waited for an hour is worth nothing: the checks have seen more by then.
signal_retention=3600s

has_signals() {
  [[ ${SIGNALS-} == yes ]]
}

# The topic must be there before the sink: entries that can't be delivered are discarded.
ensure_signals_topic() {
  ! has_signals || ensure_topic "$signals_topic"
}

# After the service, which must know /events before a push comes. With SIGNALS=no everything is removed; without the setting
# nothing is asked.
ensure_signals() {
  local of topics=${SIGNAL_TOPICS-}
  [[ -n ${SIGNALS-} ]] || return 0
  step "signals"
  if ! has_signals; then
    remove_signals
    return
  fi
  ensure_sink
  ensure_push "$signals_subscription" "$signals_topic" "$url/events" "$signal_retention"
  for of in ${topics//,/ }; do
    if [[ -n $(describe pubsub topics % "$of") ]]; then
      ensure_push "$signals_subscription-$of" "$of" "$url/events" "$signal_retention"
    else
      problem "topic $of of SIGNAL_TOPICS does not exist: create it with gcloud pubsub topics create $of --project=$PROJECT," \
        "and run deploy/up again"
    fi
  done
  for of in $(signal_subscriptions_there); do
    [[ $of == "$signals_subscription" || ,$topics, == *",${of#"$signals_subscription-"},"* ]] ||
      change "delete subscription $of, since SIGNAL_TOPICS does not list its topic" pubsub subscriptions delete "$of"
  done
  say_what_is_not_logged
}

ensure_sink() {
  local actual wanted filter writer destination=pubsub.googleapis.com/projects/$PROJECT/topics/$signals_topic
  filter=$(sink_filter)
  wanted=$(jq -n --arg destination "$destination" --arg filter "$filter" \
    '{destination: $destination, filter: $filter, disabled: false, exclusions: 0}')
  actual=$(describe logging sinks % "$sink")
  actual=$(jq -n --argjson actual "${actual:-null}" '$actual | select(. != null) | {destination, filter,
    disabled: (.disabled // false), exclusions: (.exclusions // [] | length)}')
  settle_sink
  # What Logging publishes as is known once the sink is there.
  writer=$(describe logging sinks % "$sink" | jq -r '.writerIdentity // ""')
  if [[ -n $writer ]]; then
    grant "topic $signals_topic" "$writer" roles/pubsub.publisher pubsub topics % "$signals_topic"
  else
    say "would grant roles/pubsub.publisher on topic $signals_topic to the account that Logging gives sink $sink"
  fi
}

# This also corrects a sink that was disabled, or whose exclusions drop entries.
settle_sink() {
  local flags=()
  if [[ -n $actual ]]; then
    [[ $(jq .disabled <<<"$actual") == false ]] || flags+=(--no-disabled)
    [[ $(jq .exclusions <<<"$actual") == 0 ]] || flags+=(--clear-exclusions)
  fi
  settle "sink $sink" "$wanted" "$actual" logging sinks % "$sink" "$destination" --log-filter="$filter" "${flags[@]}"
}

# The filter of the sink: the ends of all operations that may be watched, and the starts of those that are adopted, apart from
# opwatch's own. Ends are kept, no matter who caused them: GKE's name no account. Streams also carry `operation`, in the log of
# data access, from which only BigQuery and Cloud SQL are taken.
sink_filter() {
  chosen_services '.' | jq -r --arg project "$PROJECT" --arg adopt "$(setting ADOPT)" --arg extra "$(setting EXTRA_SERVICES)" \
    --arg own "$run_account" -f "$deploy/jq/sink.jq"
}

# What the role of the runtime account gives access to is not always in the audit log.
say_what_is_not_logged() {
  local chosen
  chosen=$(chosen_services '.')
  if jq -e 'has("sqladmin")' <<<"$chosen" >/dev/null; then
    say "note: exports and imports of Cloud SQL are only in the Data Access logs of cloudsql.googleapis.com, which are off by" \
      "default and cost money. deploy/up does not switch them on; without them these operations are checked on schedule"
  fi
  if jq -e 'has("compute") or has("bigquery.jobs")' <<<"$chosen" >/dev/null; then
    say "note: every change of a Compute Engine resource and every BigQuery job in the project is a signal, since SERVICES lists them"
  fi
}

# The sink first, so that nothing is published to a topic that is gone.
remove_signals() {
  local of
  remove "sink $sink" logging sinks % "$sink"
  while IFS= read -r of; do
    change "delete subscription $of" pubsub subscriptions delete "$of"
  done < <(signal_subscriptions_there)
  remove "topic $signals_topic" pubsub topics % "$signals_topic"
}

# The subscriptions of signals that are there, whatever SIGNAL_TOPICS has now. Each is called after its topic, so that those of a
# deployment with a similar NAME are not among them.
signal_subscriptions_there() {
  local all
  all=$(recall pubsub subscriptions list)
  jq -rn --argjson all "${all:-[]}" --arg name "$signals_subscription" --arg retention "$signal_retention" '
    $all[] | (.name | sub(".*/"; "")) as $id | (.topic | sub(".*/"; "")) as $topic
    | select($id == $name or $id == "\($name)-\($topic)"
      or ($topic == "_deleted-topic_" and ($id | startswith($name + "-")) and .messageRetentionDuration == $retention)) | $id'
}

# For deploy/doctor: the newest line of the log that is about a signal.
say_last_signal() {
  local lines last
  has_signals || return 0
  lines=$(look logging read --freshness=7d --limit=1 "resource.type=\"cloud_run_revision\"
    resource.labels.service_name=\"$service\" jsonPayload.signal:*")
  last=$(jq -rn --argjson lines "${lines:-[]}" '$lines[0] | select(. != null) | "\(.timestamp) (\(.jsonPayload.signal))"')
  if [[ -n $last ]]; then
    say "ok    the last signal came at $last"
  else
    say "note  no signal has come within 7 days. If operations ended in this time, see docs/signals.md"
  fi
}
