# Runs the console's end-to-end tests: Debian's Chromium driven by Playwright, nothing downloaded at run time.
FROM node:20-trixie-slim AS browser
ENV PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 CHROMIUM_PATH=/usr/bin/chromium LANG=C.UTF-8
RUN --mount=type=secret,id=ca --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core ca-certificates
# `web` is the console's own image with its sources and what `npm ci` installed.
COPY --from=web /web /web
WORKDIR /web
