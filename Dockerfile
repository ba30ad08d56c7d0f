# syntax=docker/dockerfile:1
# Two images from one file: `serve` (the default) and `train`. Each holds one half of the project and only what it needs.
#   docker build -t tessera .                              CUDA libraries from PyTorch's own packages; needs the NVIDIA driver
#   docker build -t tessera:cpu --build-arg TORCH=cpu .    a tenth of the size, for hosts without a GPU
#   docker build -t tessera --build-arg WORDS=yes .        with the text encoder: prompts by meaning, 90 MB more
#   docker build -t tessera-train --target train .

ARG PYTHON_VERSION=3.11

FROM python:${PYTHON_VERSION}-slim-bookworm AS base
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1


# PyTorch changes rarely and weighs most: a layer of its own, below everything else.
FROM base AS torch
ARG TORCH=cuda
# The CPU builds are published by the PyTorch project alone, with local version names (2.14.1+cpu) that the hashes in
# requirements/torch.lock do not cover: they are held to the locked version, not to a hash.
ARG TORCH_CPU_INDEX=https://download.pytorch.org/whl/cpu
COPY requirements/torch.lock /requirements/
RUN python -m venv /opt/venv
RUN case "$TORCH" in \
    cuda) pip install --no-deps --require-hashes --requirement /requirements/torch.lock ;; \
    cpu) pip install --no-deps --index-url "$TORCH_CPU_INDEX" \
            "$(sed -n 's/^\(torch==[^ ]*\).*/\1/p' /requirements/torch.lock)" ;; \
    *) echo "TORCH is '$TORCH'; it must be cuda or cpu" >&2; exit 1 ;; \
    esac


FROM torch AS serve-packages
ARG WORDS=no
COPY requirements/serve.lock requirements/words.lock /requirements/
RUN pip install --no-deps --require-hashes --requirement /requirements/serve.lock \
    && if [ "$WORDS" = yes ]; then \
        pip install --no-deps --require-hashes --requirement /requirements/words.lock; fi \
    && pip uninstall --yes pip


FROM torch AS train-packages
COPY requirements/train.lock /requirements/
RUN pip install --no-deps --require-hashes --requirement /requirements/train.lock \
    && pip uninstall --yes pip


FROM base AS runtime
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin tessera
# What the NVIDIA container runtime reads; without effect on other hosts.
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /srv/tessera
COPY LICENSE ./


FROM runtime AS train
COPY --from=train-packages /opt/venv /opt/venv
COPY training ./training
COPY models/manifest.schema.json ./models/
RUN python -m compileall -q training && install -d -o tessera runs
USER tessera
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "training"]
CMD ["--help"]


FROM runtime AS serve
COPY --from=serve-packages /opt/venv /opt/venv
COPY app ./app
RUN python -m compileall -q app
COPY models ./models
USER tessera
EXPOSE 8000
STOPSIGNAL SIGTERM
# Models are proved before the service is ready; on a cold GPU host that takes a while, and costs no retries.
HEALTHCHECK --interval=10s --timeout=5s --start-period=180s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as http; http.urlopen('http://127.0.0.1:%s/readyz' % (os.environ.get('TESSERA_PORT') or 8000), timeout=4)"]
ENTRYPOINT ["python", "-m", "app"]
