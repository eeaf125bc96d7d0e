# The image of opwatch: one binary on glibc and CA certificates, without a shell, not run as root.
#
# Both images are arguments, so that a build can pin them by digest, as deploy/cloudbuild.yaml does:
#   docker build --build-arg RUST_IMAGE=rust@sha256:… --build-arg RUNTIME_IMAGE=gcr.io/distroless/cc-debian12@sha256:… .
# The software bill of materials is /sbom.json in the image.
ARG RUST_IMAGE=rust:1.95-bookworm
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM ${RUST_IMAGE} AS build
WORKDIR /opwatch
# The 41,000 relocations of a position-independent executable (time zones, tables of services) are a tenth of it; packed, 20 KB.
# Both images have the glibc that this needs, 2.36; with an older one the loader says so at the start.
ENV RUSTFLAGS="-C link-arg=-Wl,-z,pack-relative-relocs"

# The dependencies alone, in a layer that lasts until a manifest changes: a stub stands in for the sources. Tests and
# benches are cut from the manifest, as cargo asks for their files even when it does not build them.
COPY Cargo.toml Cargo.lock ./
RUN sed -i '/^\[\[\(test\|bench\|example\)\]\]/,/^$/d' Cargo.toml \
 && mkdir src \
 && touch src/lib.rs \
 && echo 'fn main() {}' > src/main.rs \
 && cargo build --release --locked --no-default-features --bin opwatch

# The sources are older than the stub's build; cargo goes by times.
COPY schema schema
COPY src src
RUN touch src/lib.rs src/main.rs \
 && cargo build --release --locked --no-default-features --bin opwatch
COPY deploy/sbom deploy/sbom
RUN deploy/sbom > /sbom.json

FROM ${RUNTIME_IMAGE}
ARG VERSION=unknown
ARG RUNTIME_IMAGE
LABEL org.opencontainers.image.title="opwatch" \
      org.opencontainers.image.description="Reports to Slack how a Google Cloud long-running operation ended" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="${RUNTIME_IMAGE}" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=build /opwatch/target/release/opwatch /opwatch
COPY --from=build /sbom.json /sbom.json
# nonroot, by number, so that a platform can see that it is not root.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/opwatch"]
