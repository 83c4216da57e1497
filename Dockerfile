# The two commands of the README in a container. On a CPU by default; for an NVIDIA GPU:
#   docker build --build-arg TORCH=cuda -t cvp-bench .
FROM python:3.12.11-slim-bookworm

# cpu or cuda, as for `make env`
ARG TORCH=cpu
ENV PIP_NO_CACHE_DIR=1

WORKDIR /cvp-bench
COPY constraints.txt Makefile ./
# Debian keeps no older versions of git and make that a pin could name.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git make \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home cvp \
    && mkdir /cache \
    && chmod 1777 /cache \
    && chown cvp: /cvp-bench \
    && make env PYTHON=python3 TORCH="${TORCH}"

USER 1000
COPY --chown=1000:1000 . .

# prepared tables and compiled loops; mount a volume here to keep them
ENV CVP_CACHE=/cache NUMBA_CACHE_DIR=/cache/numba

CMD ["make", "quick"]
