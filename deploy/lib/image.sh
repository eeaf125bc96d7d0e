# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # deploy/lib.sh has what is set here and read elsewhere
# The step of deploy/up that builds the image. Sourced.

# Sets `image`: IMAGE, or one built from this folder, by its digest. Its tag is a hash of the sources.
ensure_image() {
  local tag tags digest
  image=${IMAGE-}
  if [[ -n $image ]]; then
    say "image $image (IMAGE)"
    return
  fi
  ensure_repository
  tag=$(cd "$deploy/.." && find Dockerfile Cargo.toml Cargo.lock schema src deploy/sbom deploy/cloudbuild.yaml -type f -print0 |
    LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-12)
  image=$REGION-docker.pkg.dev/${PROJECT//://}/$repository/opwatch
  tags=$(look artifacts tags list --package=opwatch --repository="$repository" --location="$REGION")
  digest=$(jq -rn --argjson tags "${tags:-[]}" --arg tag "$tag" '
    [$tags[] | select(.tag == $tag or (.name // "" | endswith("/\($tag)"))) | .version | sub(".*/"; "")] | first // ""')
  if [[ -n $digest ]]; then
    unchanged "image $image:$tag"
  else
    build_image "$image:$tag"
  fi
  image+=@${digest:-sha256:DIGEST-OF-THE-BUILD}
}

# build_image IMAGE: sets `digest`. Cloud Build is polled rather than followed: its log may not be readable where its
# outcome is.
build_image() {
  local id build status command=(builds submit "$(cd "$deploy/.." && pwd)" --config="$deploy/cloudbuild.yaml" \
    --substitutions=_IMAGE="$1" --region="$REGION" --timeout=30m --async)
  [[ -z ${BUILD_SERVICE_ACCOUNT-} ]] || command+=(--service-account="$BUILD_SERVICE_ACCOUNT" \
    --default-buckets-behavior=regional-user-owned-bucket)
  if [[ -n $dry_run ]]; then
    change "build image $1" "${command[@]}"
    return
  fi
  say "build image $1: this takes some minutes"
  id=$(gc "${command[@]}" --format='value(id)')
  status=QUEUED
  while [[ $status =~ ^(PENDING|QUEUED|WORKING)$ ]]; do
    sleep "${OPWATCH_POLL_SECONDS:-10}"
    build=$(gc builds describe "$id" --region="$REGION" --format=json)
    status=$(jq -r .status <<<"$build")
  done
  [[ $status == SUCCESS ]] || die "the build ended with $status; see gcloud builds log $id --region=$REGION --project=$PROJECT"
  digest=$(jq -r '.results.images[0].digest' <<<"$build")
}

# Its tags can't be moved to another image once they are set.
ensure_repository() {
  local actual
  actual=$(describe artifacts repositories % "$repository" --location="$REGION")
  actual=$(jq -n --argjson actual "${actual:-null}" '$actual | select(. != null)
    | {immutableTags: (.dockerConfig.immutableTags // false)}')
  if [[ -z $actual ]]; then
    change "create image repository $repository" artifacts repositories create "$repository" --location="$REGION" \
      --repository-format=docker --immutable-tags --description="$repository_mark"
  else
    settle "image repository $repository" '{"immutableTags": true}' "$actual" artifacts repositories % "$repository" \
      --location="$REGION" --immutable-tags
  fi
}
