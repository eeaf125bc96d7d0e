# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # deploy/lib.sh has what is set here and read elsewhere
# The alert policies of ALERTS=yes. Sourced.

# The policies that deploy/up made, as JSON; [] without gcloud's alpha commands.
alert_policies() {
  local policies
  policies=$(look alpha monitoring policies list) || return
  jq -n --argjson policies "${policies:-[]}" --arg name "$NAME" '$policies | map(select(.userLabels.opwatch == $name))'
}

# Those that should be there.
wanted_alerts() {
  jq -n --arg name "$NAME" --arg project "$PROJECT" --arg secret "$secret" --arg service "$service" \
    --arg digests "$([[ $digests == off ]] || printf %s "$digest_subscription")" --arg channels "${ALERT_CHANNELS-}" --args -f "$deploy/jq/alerts.jq" -- \
    "${subscriptions[@]}" "${queues[@]}"
}

# A policy carries a hash of its definition, since Monitoring adds to what it is given. Without ALERTS nothing is asked.
ensure_alerts() {
  local actual alert title hash found
  [[ -n ${ALERTS-} ]] || return 0
  step "alerts"
  actual=$(alert_policies)
  if [[ $ALERTS == no ]]; then
    remove_alerts "$actual"
    return
  fi
  [[ -n ${ALERT_CHANNELS-} ]] ||
    say "ALERT_CHANNELS is not set: incidents are shown in the console only. To list channels:" \
      "gcloud beta monitoring channels list --project=$PROJECT"
  while IFS= read -r alert; do
    title=$(jq -r .displayName <<<"$alert")
    hash=$(sha256sum <<<"$alert" | cut -c1-12)
    found=$(jq -r --arg title "$title" 'map(select(.displayName == $title)) | first
      | if . == null then "" else "\(.name) \(.userLabels.definition)" end' <<<"$actual")
    jq --arg hash "$hash" '.userLabels.definition = $hash' <<<"$alert" >"$scratch/alert.json"
    if [[ -z $found ]]; then
      change "create alert policy \"$title\"" alpha monitoring policies create --policy-from-file="$scratch/alert.json"
    elif [[ ${found#* } != "$hash" ]]; then
      change "update alert policy \"$title\"" alpha monitoring policies update "${found% *}" \
        --policy-from-file="$scratch/alert.json"
    else
      unchanged "alert policy \"$title\""
    fi
  done < <(wanted_alerts | jq -c '.[]')
}

# remove_alerts POLICIES
remove_alerts() {
  local name title
  while IFS=$'\t' read -r name title; do
    change "delete alert policy \"$title\"" alpha monitoring policies delete "$name"
  done < <(jq -r '.[] | [.name, .displayName] | join("\t")' <<<"$1")
}
