# The filter of the log sink, from the chosen services (by id), $project, $adopt, $own and $extra: see deploy/lib/signals.sh.

# What the audit log calls the API of a service: the id's first word, with ".googleapis.com".
def logged: split(".")[0]
  | {sqladmin: "cloudsql", translate: "translate"}[.] // .
  | . + ".googleapis.com";
def items: [splits(" *, *") | gsub("^ +| +$"; "") | select(. != "")];
def quoted: "\"" + gsub("(?<c>[\\\\\"])"; "\\\(.c)") + "\"";
# As a regular expression it means itself.
def literal: gsub("(?<c>[^A-Za-z0-9_-])"; "\\\(.c)");
# field=("a" OR "b")
def one_of($field): unique | map(quoted) | if length == 1 then "\($field)=\(.[0])" else "\($field)=(\(join(" OR ")))" end;
def log($kind): "logName=\"projects/\($project)/logs/cloudaudit.googleapis.com%2F\($kind)\"";
# A service of EXTRA_SERVICES is called what its host is.
def extra_hosts: [$extra | items[] | capture("^(?<id>[^=]+)=https://(?<host>[^/]+)") | {key: .id, value: .host}] | from_entries;

(extra_hosts) as $hosts
| def api: $hosts[.] // logged;
  keys as $ids
| ($ids | map(api) | unique) as $apis
| ([{kind: "activity", of: $apis},
    {kind: "data_access", of: ($apis - ($apis - ["bigquery.googleapis.com", "cloudsql.googleapis.com"]))}]
   | map(select(.of != []) | "(\(log(.kind)) AND \(.of | one_of("protoPayload.serviceName")))")) as $logs
| (if $ids | index("run.executions") then
    ["(\(log("system_event")) AND resource.type=\"cloud_run_job\" AND protoPayload.methodName=\"/Jobs.RunJob\")"] else [] end) as $jobs
| ($adopt | items | map(split(":") as [$id, $method]
    | (if $id == "all" then "" else "protoPayload.serviceName=\($id | api | quoted)" end) as $of
    | (if $method then "protoPayload.methodName=~\("(^|\\.)" + ($method | literal) + "$" | quoted)" else "" end) as $by
    | [$of, $by] | map(select(. != "")) | if length == 0 then null elif length == 1 then .[0] else "(\(join(" AND ")))" end)) as $adopted
# Those of ADOPT_EXCEPT too: the service must know whose ends to leave out.
| "NOT protoPayload.authenticationInfo.principalEmail=\($own | quoted)" as $others
| (["(operation.last=true AND NOT operation.first=true)"]
   + (if $ids | index("bigquery.jobs") then ["protoPayload.methodName=\"jobservice.jobcompleted\""] else [] end)) as $ends
| (if $adopted == [] then [] else
    ["(\(
      (["(operation.first=true AND NOT operation.last=true)"]
       + (if $ids | index("dataflow.jobs") then ["protoPayload.methodName=\"dataflow.jobs.create\""] else [] end)
       | if length == 1 then .[0] else "(\(join(" OR ")))" end)
    )\(if $adopted | index(null) then "" else " AND " + ($adopted | if length == 1 then .[0] else "(\(join(" OR ")))" end) end) AND \($others))"]
  end) as $starts
| "(((\($logs | join(" OR "))) AND (\($ends + $starts | join(" OR "))))\($jobs | map(" OR " + .) | add // ""))"
