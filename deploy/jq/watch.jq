# From a Cloud Tasks task, as gcloud describes it, to the watch that it carries on. The message is in base64 in the
# publish request, which is in base64 in the task.

def text: tostring | gsub("[[:cntrl:]]"; "?");
# gcloud writes the alphabet of URLs.
def decoded: gsub("-"; "+") | gsub("_"; "/") | @base64d;
def unix: sub("\\.[0-9]+Z$"; "Z") | fromdateiso8601;

(try (.httpRequest.body | decoded | fromjson | .messages[0].data | decoded | fromjson) catch {}) as $message
| ($message.state // {}) as $state
# A task that only counts, for MAX_STARTS_PER_HOUR or MAX_WATCHES_PER_MINUTE, carries no watch.
| select(($state.report.slot and ($message.name // $message.start) == null) | not)
| {
    task: (.name | sub(".*/"; "")),
    queue: (.name | sub("/tasks/.*"; "") | sub(".*/"; "")),
    # The last check in case all others are lost; it waits in addition to the next step.
    sentinel: ($state.sentinel == true),
    id: ($state.id // (.name | sub(".*/"; "")) | text),
    title: ($message.title // "(no title)" | text),
    operation: ($message.name // $message.start.path // (if $message.test then "(a test)" else "(none)" end) | text),
    step: (
      if $state.sentinel == true then "the last check, since the others are lost"
      elif $state.report then "report, try \(($state.report.tries // 0) + 1)"
      elif $message.start then "start, try \(($state.tries // 0) + 1)"
      elif $message.test then "test"
      elif $state.ladder and $state.from then
        "check \($message.attempt // 0), until \($state | (.from[0:19] + "Z" | fromdateiso8601) + .ladder | todateiso8601)"
      elif $message.name then "check \($message.attempt // 0), the last is \(($message.limit // 60) - 1)"
      else "not readable" end | text),
    due: .scheduleTime,
    marks: [
      # Cloud Tasks itself may be a few minutes late.
      (if (.scheduleTime | unix) < now - 300 then "overdue" else empty end),
      (if (.lastAttempt.responseStatus.code // 0) != 0
        then "last attempt failed: \(.lastAttempt.responseStatus.message // "code \(.lastAttempt.responseStatus.code)" | text)"
        else empty end)
    ]
  }
