# Darkroom: an image server behind a CDN. docs/settings.md says what the settings mean, docs/fly.md how it runs on Fly Machines.
#
#   docker build -t darkroom --build-arg REVISION="$(git rev-parse HEAD)" .
#   docker run --read-only --tmpfs /tmp -v darkroom:/data -p 8080:8080 -e DARKROOM_SIGNING_KEYS=... darkroom

# The native engine. On arm64 there is none, and sharp renders all.
FROM node:24.21.0-bookworm-slim AS engine
WORKDIR /src
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates gcc libc6-dev nasm \
 && rm -rf /var/lib/apt/lists/*
COPY --from=rust:1.95.0-slim-bookworm /usr/local/rustup /usr/local/rustup
COPY --from=rust:1.95.0-slim-bookworm /usr/local/cargo /usr/local/cargo
ENV RUSTUP_HOME=/usr/local/rustup \
    CARGO_HOME=/usr/local/cargo \
    PATH=/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
COPY build/engine.ts build/engine-licences.ts build/
COPY engine engine
RUN mkdir -p src/render/engine/native \
 && if [ "$(uname -m)" = x86_64 ]; then node build/engine.ts; fi

FROM node:24.21.0-bookworm-slim AS build
WORKDIR /src
# To download the AVIF encoder and to build its addon; none of these packages reach the final image.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc libc6-dev python3-pip \
 && rm -rf /var/lib/apt/lists/*
COPY build/svt-av1.ts build/svt-av1-wheel.txt build/pinned-wheel.ts build/
COPY src/render/formats/svt-av1 src/render/formats/svt-av1
RUN node build/svt-av1.ts
COPY package.json package-lock.json ./
# The storefront's packages are workspaces, whose names the lock file holds.
COPY packages/url/package.json packages/url/
COPY packages/react/package.json packages/react/
COPY packages/next/package.json packages/next/
COPY packages/nuxt/package.json packages/nuxt/
COPY packages/astro/package.json packages/astro/
COPY packages/svelte/package.json packages/svelte/
COPY packages/unpic/package.json packages/unpic/
# No install scripts: esbuild and sharp ship their binaries as packages, and the build needs no other.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY build build
COPY src src
COPY --from=engine /src/src/render/engine/native src/render/engine/native
COPY samples samples
RUN node build/bundle.ts \
 && node build/code-cache.ts \
 && node build/runtime-modules.ts /app/node_modules
COPY LICENSE NOTICE ./
RUN cp -r dist package.json LICENSE NOTICE /app/ \
 && node build/sbom.ts /app/sbom.cdx.json

FROM node:24.21.0-bookworm-slim
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Darkroom" \
      org.opencontainers.image.description="On-demand image server behind a CDN" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# Debian keeps one version of a package at a time, so none is pinned. The server uses neither npm nor yarn.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends libjemalloc2 \
 && rm -rf /var/lib/apt/lists/* /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /opt/yarn-* \
 && mkdir -p /data/originals /data/results \
 && chown -R 1000:1000 /data

# jemalloc returns freed pixels to the kernel at once, where glibc keeps them. The loader finds it by name, so that one
# line serves x86-64 and arm64. It reads its settings before Node starts, so they must stand here.
ENV LD_PRELOAD=libjemalloc.so.2 \
    MALLOC_CONF=dirty_decay_ms:0,muzzy_decay_ms:0,background_thread:true,narenas:2

# sharp, file reads and DNS share libuv's threads: at least four more than slots, here for up to twelve CPUs.
ENV UV_THREADPOOL_SIZE=16 \
    NODE_ENV=production \
    HOST=:: \
    PORT=8080 \
    DARKROOM_ORIGINALS=file:/data/originals \
    DARKROOM_RESULTS=file:/data/results

# Owned by root, and never written at run time: the root file system may be read-only.
WORKDIR /app
COPY --from=build /app ./

VOLUME ["/data"]
USER 1000:1000
EXPOSE 8080 9091
# 10 s, because on a busy machine the command takes seconds to start.
HEALTHCHECK --interval=30s --timeout=10s --start-period=15s --retries=3 CMD ["node", "/app/dist/cli.js", "health"]

# Exec form: Node is process 1 and gets SIGTERM and SIGINT without a shell in between.
ENTRYPOINT ["node"]
CMD ["dist/main.js"]
