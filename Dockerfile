# syntax=docker/dockerfile:1
# The image of Pogo Sidecar: compiled JavaScript and its production packages on distroless Node 24, no shell, no root.
#
# The bases follow Node 24 and Debian 13 with their security updates. A release resolves them to digests once, builds
# both platforms from these, and says in the image's labels, provenance and SBOM which they were
# (.github/workflows/release.yml). To repeat a build, name the same ones:
#
#   docker buildx build --build-context node:24-trixie-slim=docker-image://node@sha256:… .
#
# What npm installs is pinned, with its hash, in package-lock.json. Nothing in it is made for one platform: both are
# built on the builder's own, and only copied into the image.

FROM --platform=$BUILDPLATFORM node:24-trixie-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
# Without scripts: none of the packages needs one here, and the image's own Node takes the place of the npm package `node`.
RUN --mount=type=cache,target=/root/.npm ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
COPY tsconfig.json tsconfig.build.json ./
COPY sidecar ./sidecar
RUN ["npm", "run", "build"]
RUN ["mkdir", "/state"]

FROM --platform=$BUILDPLATFORM node:24-trixie-slim AS packages
WORKDIR /src
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm ["npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]

FROM gcr.io/distroless/nodejs24-debian13:nonroot
# A release adds version, revision, time and the digest of the base.
LABEL org.opencontainers.image.title="Pogo Sidecar" \
      org.opencontainers.image.description="Reverse-proxy sidecar that gives any PHP/Laravel app the Pusher protocol on its own port" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="https://github.com/pogo-sidecar/pogo-sidecar" \
      org.opencontainers.image.documentation="https://github.com/pogo-sidecar/pogo-sidecar#readme" \
      org.opencontainers.image.base.name="gcr.io/distroless/nodejs24-debian13:nonroot"
WORKDIR /app
# 8s, where the default is 10s: `docker stop` kills after ten seconds, and what still waits for the shutdown timeout has
# to have ended by then. To give requests longer, set both: `docker run -e POGO_SHUTDOWN_TIMEOUT=30s --stop-timeout 35`.
ENV NODE_ENV=production \
    POGO_SHUTDOWN_TIMEOUT=8s
# package.json says that dist/ is ES modules, and which version this is.
COPY --chown=0:0 package.json LICENSE ./
COPY --chown=0:0 --from=packages /src/node_modules ./node_modules
COPY --chown=0:0 --from=build /src/dist ./dist
# Empty, and the process's own: a new volume here takes its owner from it (POGO_RECOVERY_STATE_DIR=/var/lib/pogo).
COPY --chown=65532:65532 --from=build /state /var/lib/pogo
# A number, so that Kubernetes can check runAsNonRoot. What is in /app is root's: the process can't change it.
USER 65532:65532
# Everything (POGO_PORT) and the admin port (POGO_ADMIN_PORT).
EXPOSE 8080 2019
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
  CMD ["/nodejs/bin/node", "/app/dist/main.js", "healthcheck"]
# Node is process 1 and takes SIGTERM itself. `docker run IMAGE check` prints the effective configuration.
ENTRYPOINT ["/nodejs/bin/node", "/app/dist/main.js"]
CMD ["start"]
