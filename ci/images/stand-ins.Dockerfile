# hadolint global ignore=DL3003,DL3015,DL3066,DL4006
# Stand-ins for official images, for machines that reach Debian's archive but no container registry.
# Each target answers to what this project uses of the official image, and to no more.
# Versions are Debian trixie's; Rust comes from trixie-backports.

FROM debian:trixie-slim AS apt
ENV LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive
RUN rm -f /etc/apt/apt.conf.d/docker-clean \
 && printf 'APT::Install-Recommends "false";\nAcquire::Retries "3";\nAcquire::https::CAInfo "/run/secrets/ca";\n' >/etc/apt/apt.conf.d/90stoa \
 && printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d

# --- what a Rust binary needs to run: no shell, no package manager ---
FROM apt AS runtime-files
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=secret,id=ca \
    apt-get update -qq && mkdir /packages && cd /packages \
 && apt-get download -qq -o APT::Sandbox::User=root base-files netbase libc6 libgcc-s1 ca-certificates tzdata media-types
RUN mkdir /rootfs && for package in /packages/*.deb; do dpkg-deb -x "$package" /rootfs; done \
 && cat /rootfs/usr/share/ca-certificates/mozilla/*.crt >/rootfs/etc/ssl/certs/ca-certificates.crt \
 && printf 'root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n' >/rootfs/etc/passwd \
 && printf 'root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n' >/rootfs/etc/group \
 && printf 'passwd: files\ngroup: files\nhosts: files dns\n' >/rootfs/etc/nsswitch.conf \
 && mkdir -p /rootfs/home/nonroot && chown 65532:65532 /rootfs/home/nonroot && chmod 1777 /rootfs/tmp \
 && find /rootfs/usr/share/doc -type f ! -name copyright -delete \
 && rm -rf /rootfs/usr/share/ca-certificates /rootfs/usr/share/man /rootfs/usr/share/locale /rootfs/usr/share/lintian \
           /rootfs/usr/share/info /rootfs/usr/share/common-licenses /rootfs/usr/lib/*/gconv /rootfs/usr/lib/systemd \
           /rootfs/usr/share/zoneinfo/right /rootfs/usr/share/zoneinfo/posix /rootfs/usr/sbin/* /rootfs/usr/bin/*

FROM scratch AS runtime
COPY --from=runtime-files /rootfs /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
WORKDIR /home/nonroot

# --- builders ---
FROM apt AS rust
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=secret,id=ca \
    sed -n 's/ trixie main$/ trixie-backports main/p' /etc/apt/sources.list | head -n 1 >/etc/apt/sources.list.d/backports.list \
 && apt-get update -qq \
 && apt-get install -y -qq gcc libc6-dev ca-certificates \
 && apt-get install -y -qq -t trixie-backports rustc cargo rust-clippy rustfmt
ENV CARGO_HOME=/usr/local/cargo PATH=/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
RUN mkdir -p /usr/local/cargo && chmod 777 /usr/local/cargo && cargo --version && cargo clippy --version

FROM apt AS npm
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=secret,id=ca \
    apt-get update -qq && apt-get install -y -qq nodejs npm
RUN --mount=type=secret,id=ca \
    NODE_EXTRA_CA_CERTS=/run/secrets/ca npm install --silent --prefix /npm --global npm@11

FROM apt AS node
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=secret,id=ca \
    apt-get update -qq && apt-get install -y -qq nodejs
COPY --from=npm /npm /usr/local
RUN groupadd --gid 1000 node && useradd --uid 1000 --gid node --create-home node && node --version && npm --version

# --- servers ---
FROM apt AS nginx
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=secret,id=ca \
    groupadd --system --gid 101 nginx && useradd --system --uid 101 --gid nginx --no-create-home nginx \
 && apt-get update -qq && apt-get install -y -qq nginx-light openssl && rm -rf /etc/nginx/sites-* /var/www
COPY nginx/nginx.conf /etc/nginx/nginx.conf
COPY nginx/default.conf /etc/nginx/conf.d/default.conf
RUN mkdir -p /usr/share/nginx/html && nginx -t
USER 101
EXPOSE 8080
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]

FROM apt AS postgres
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=secret,id=ca \
    groupadd --system --gid 999 postgres && useradd --system --uid 999 --gid postgres --home-dir /var/lib/postgresql postgres \
 && mkdir -p /etc/postgresql-common && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf \
 && apt-get update -qq && apt-get install -y -qq postgresql-17 \
 && mkdir -p /docker-entrypoint-initdb.d && install -d -o postgres -g postgres -m 700 /var/lib/postgresql/data \
 && install -d -o postgres -g postgres -m 3777 /var/run/postgresql
ENV PATH=/usr/lib/postgresql/17/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin PGDATA=/var/lib/postgresql/data
COPY --chmod=755 postgres/entrypoint /usr/local/bin/docker-entrypoint.sh
VOLUME /var/lib/postgresql/data
EXPOSE 5432
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]

FROM apt AS redis
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=secret,id=ca \
    groupadd --system --gid 999 redis && useradd --system --uid 999 --gid redis --no-create-home redis \
 && apt-get update -qq && apt-get install -y -qq redis-server && install -d -o redis -g redis /data
WORKDIR /data
COPY --chmod=755 redis/entrypoint /usr/local/bin/docker-entrypoint.sh
VOLUME /data
EXPOSE 6379
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["redis-server"]

FROM apt AS rabbitmq
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=secret,id=ca \
    groupadd --system --gid 999 rabbitmq && useradd --system --uid 999 --gid rabbitmq --home-dir /var/lib/rabbitmq rabbitmq \
 && apt-get update -qq && apt-get install -y -qq rabbitmq-server \
 && mkdir -p /etc/rabbitmq/conf.d && echo '[rabbitmq_management,rabbitmq_prometheus].' >/etc/rabbitmq/enabled_plugins \
 && rm -rf /var/lib/rabbitmq && install -d -o rabbitmq -g rabbitmq /var/lib/rabbitmq /var/log/rabbitmq \
 && chown -R rabbitmq:rabbitmq /etc/rabbitmq
# Debian's wrapper in /usr/sbin writes the server's output to a file: the real one comes first.
ENV PATH=/usr/lib/rabbitmq/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/var/lib/rabbitmq RABBITMQ_LOGS=-
COPY --chmod=755 rabbitmq/entrypoint /usr/local/bin/docker-entrypoint.sh
VOLUME /var/lib/rabbitmq
EXPOSE 5672 15672 15692
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["rabbitmq-server"]

FROM apt AS prometheus
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=secret,id=ca \
    apt-get update -qq && apt-get install -y -qq prometheus && install -d -o nobody -g nogroup /prometheus
USER nobody
WORKDIR /prometheus
VOLUME /prometheus
EXPOSE 9090
ENTRYPOINT ["/bin/prometheus"]
CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]

FROM apt AS alertmanager
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=secret,id=ca \
    apt-get update -qq && apt-get install -y -qq prometheus-alertmanager \
 && ln -s /usr/bin/prometheus-alertmanager /bin/alertmanager && install -d -o nobody -g nogroup /alertmanager
USER nobody
WORKDIR /alertmanager
VOLUME /alertmanager
EXPOSE 9093
ENTRYPOINT ["/bin/alertmanager"]
CMD ["--config.file=/etc/alertmanager/alertmanager.yml", "--storage.path=/alertmanager"]

FROM apt AS node-exporter
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=secret,id=ca \
    apt-get update -qq && apt-get install -y -qq prometheus-node-exporter \
 && ln -s /usr/bin/prometheus-node-exporter /bin/node_exporter
USER nobody
EXPOSE 9100
ENTRYPOINT ["/bin/node_exporter"]
