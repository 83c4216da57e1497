# The two commands of the README in a container. On a CPU by default; for an NVIDIA GPU:
#   docker build --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130 -t cvp-bench .
FROM python:3.12-slim

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

RUN apt-get update \
    && apt-get install --yes --no-install-recommends git make \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /cvp-bench
COPY constraints.txt Makefile ./
RUN make env PYTHON=python3 PIP_EXTRA_INDEX_URL="${TORCH_INDEX}"
COPY . .

# prepared tables and compiled loops; mount a volume here to keep them
ENV CVP_CACHE=/cache NUMBA_CACHE_DIR=/cache/numba
RUN mkdir -p /cache

CMD ["make", "quick"]
