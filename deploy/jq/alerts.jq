# The alert policies of one opwatch, as Cloud Monitoring's API has them: https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies
# The positional arguments are the three subscriptions and the three queues, in the order of deploy/lib.sh.

$ARGS.positional[0:3] as $subscriptions
| $ARGS.positional[3:6] as $queues
| def one_of(ids): "one_of(\(ids | map(tojson) | join(", ")))";
  # A condition that holds for longer than `for` seconds while the metric, taken over `period` seconds, is above `above`.
  def above($title; $filter; $aligner; $period; $above; $for):
    {displayName: $title, conditionThreshold: {
      filter: $filter, comparison: "COMPARISON_GT", thresholdValue: $above, duration: "\($for)s",
      aggregations: [{alignmentPeriod: "\($period)s", perSeriesAligner: $aligner}]}};
  def of($subscriptions; $metric; $more):
    "metric.type=\"pubsub.googleapis.com/subscription/\($metric)\" AND resource.type=\"pubsub_subscription\" AND resource.labels.subscription_id=\(one_of($subscriptions))\($more)";
  def of_subscriptions($metric; $more): of($subscriptions; $metric; $more);
  def of_queue($queue):
    "metric.type=\"cloudtasks.googleapis.com/queue/depth\" AND resource.type=\"cloud_tasks_queue\" AND resource.labels.queue_id=\"\($queue)\"";
  # A policy whose condition is a line of the log needs a limit on how often it notifies.
  def logged($title; $filter): {conditions: [{displayName: $title, conditionMatchedLog: {filter: $filter}}],
    alertStrategy: {notificationRateLimit: {period: "3600s"}, autoClose: "604800s"}};
  def policy($title; $help):
    {displayName: "\($name): \($title)", combiner: "OR", userLabels: {opwatch: $name},
      documentation: {content: "\($help) `deploy/doctor` names what is wrong. Made by deploy/up.", mimeType: "text/markdown"},
      notificationChannels: ($channels | split(",") | map(select(. != "")))} + .;
[
  ({conditions: [above("oldest unacknowledged message over 30 minutes";
      of($subscriptions + [$digests | select(. != "")]; "oldest_unacked_message_age"; ""); "ALIGN_MAX"; 60; 1800; 300)]}
    | policy("a message is not handled"; "Pub/Sub keeps it for 7 days, a dead letter or a report in the buffer of digests for 31. The service refuses it, does not answer, or is paused.")),
  ({conditions: [
      above("more than 50,000 checks wait"; of_queue($queues[0]); "ALIGN_MIN"; 300; 50000; 900),
      above("more than 1,000 reports wait"; of_queue($queues[1]); "ALIGN_MIN"; 300; 1000; 900),
      above("more than 100 notices wait"; of_queue($queues[2]); "ALIGN_MIN"; 300; 100; 900)]}
    | policy("tasks pile up"; "A queue is paused, too slow (REPORT_RATE), or its tasks fail. Cloud Tasks deletes a task after 31 days.")),
  ({conditions: [above("dead letters"; of_subscriptions("dead_letter_message_count"; ""); "ALIGN_DELTA"; 300; 0; 0)]}
    | policy("a message was given up by Pub/Sub"; "It was delivered 100 times without success. A message in Slack names it, with the command that resumes it.")),
  (logged("a line with decision gave-up"; "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"\($service)\" AND jsonPayload.decision=\"gave-up\"")
    | policy("a report did not reach Slack"; "Slack did not accept it for eight days. The log line names the watch.")),
  ({conditions: [above("more than 20 refused pushes in 10 minutes";
      of_subscriptions("push_request_count"; " AND metric.labels.response_class!=\"ack\""); "ALIGN_DELTA"; 600; 20; 0)]}
    | policy("pushes are refused"; "Refusals slow the subscription down. The service is not reachable, lacks a grant, or can't schedule the next step.")),
  (logged("a version of the secret was destroyed or disabled";
      "protoPayload.serviceName=\"secretmanager.googleapis.com\" AND protoPayload.methodName=~\"(DestroySecretVersion|DisableSecretVersion|DeleteSecret)$\" AND protoPayload.resourceName=~\"/secrets/\($secret)(/|$)\"")
    | policy("the Slack secret was destroyed"; "New instances of the service do not start without it. `deploy/up --new-secret` stores another."))
]
