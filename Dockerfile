# The image of Pogo Sidecar: compiled JavaScript and its production packages on distroless Node 24, no shell, no root.
# The bases follow Node 24 and Debian 13 with their security updates, so two builds of one commit can differ in them; pin
# them by digest where builds must repeat. What npm installs is pinned, with its hash, in package-lock.json. The
# image of a release carries its SBOM and provenance (.github/workflows/release.yml); where you build it yourself,
# `docker buildx build --sbom=true --provenance=true` makes both.

FROM node:24-trixie-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
# Without scripts: none of the packages needs one here, and the image's own Node takes the place of the npm package `node`.
RUN ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
COPY tsconfig.json tsconfig.build.json ./
COPY sidecar ./sidecar
RUN ["npm", "run", "build"]

FROM node:24-trixie-slim AS packages
WORKDIR /src
COPY package.json package-lock.json ./
RUN ["npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]

FROM gcr.io/distroless/nodejs24-debian13:nonroot
LABEL org.opencontainers.image.title="Pogo Sidecar" \
      org.opencontainers.image.licenses="MIT"
WORKDIR /app
ENV NODE_ENV=production
# package.json says that dist/ is ES modules, and which version this is.
COPY --chown=0:0 package.json LICENSE ./
COPY --chown=0:0 --from=packages /src/node_modules ./node_modules
COPY --chown=0:0 --from=build /src/dist ./dist
# A number, so that Kubernetes can check runAsNonRoot. The files above are root's: the process can't change them.
USER 65532:65532
# Everything (POGO_PORT) and the admin port (POGO_ADMIN_PORT).
EXPOSE 8080 2019
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
  CMD ["/nodejs/bin/node", "/app/dist/main.js", "healthcheck"]
# Node is process 1 and takes SIGTERM itself. `docker run IMAGE check` prints the effective configuration.
ENTRYPOINT ["/nodejs/bin/node", "/app/dist/main.js"]
CMD ["start"]
