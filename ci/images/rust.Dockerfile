# Compiles all that goes into images once; the images of the services copy their binary out of `compiled`.

FROM rust:1.96-slim-trixie AS sources
ENV CARGO_TARGET_DIR=/target CARGO_HTTP_CAINFO=/run/secrets/ca CARGO_TERM_PROGRESS_WHEN=never CARGO_INCREMENTAL=0
WORKDIR /src
COPY . .

FROM sources AS compile
# `release`, or `production`, which is optimised across crates.
ARG PROFILE=release
RUN --mount=type=secret,id=ca --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,id=stoa-target,target=/target,sharing=locked \
    ci/images/settle-mtimes /target \
 && cargo build --profile "$PROFILE" --locked --workspace --exclude bench-gateway --exclude bench-queue --exclude delivery --exclude load --bins \
 && ci/images/collect "/target/$PROFILE" /out

FROM scratch AS compiled
COPY --from=compile /out /
