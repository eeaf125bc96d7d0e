# From $actual, a Cloud Run service as gcloud describes it, to what deploy/up sets of it; nothing from null.

def milli: tostring | if endswith("m") then rtrimstr("m") | tonumber else tonumber * 1000 end;

$actual
| select(. != null)
| .metadata.annotations as $annotations
| .spec.template as $template
| $template.spec.containers[0] as $container
| ($container.env // []) as $env
| {
    image: $container.image,
    account: $template.spec.serviceAccountName,
    audiences: ($annotations["run.googleapis.com/custom-audiences"] // "[]" | fromjson),
    ingress: $annotations["run.googleapis.com/ingress"],
    concurrency: $template.spec.containerConcurrency,
    timeout: $template.spec.timeoutSeconds,
    minInstances: ($template.metadata.annotations["autoscaling.knative.dev/minScale"] // "0"),
    maxInstances: $template.metadata.annotations["autoscaling.knative.dev/maxScale"],
    cpu: ($container.resources.limits.cpu // 0 | milli),
    memory: $container.resources.limits.memory,
    cpuThrottling: ($template.metadata.annotations["run.googleapis.com/cpu-throttling"] // "true" | ascii_downcase),
    port: $container.ports[0].containerPort,
    startupProbe: ($container.startupProbe | {path: .httpGet.path, periodSeconds, failureThreshold}),
    environment: ($env | map(select(.valueFrom == null) | "\(.name)=\(.value // "")") | sort),
    secrets: ($env | map(select(.valueFrom != null)
      | "\(.name)=\(.valueFrom.secretKeyRef.name):\(.valueFrom.secretKeyRef.key)"))
  }
