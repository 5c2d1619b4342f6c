"""The child process of the llamacpp engine: llama.cpp's own HTTP server, until standard input closes.

Run as a script and knows nothing of kefu, so that it starts at once and a crash in C++ takes nobody along.
Writes one line of JSON, ``{"address": ...}``, to standard output when it is ready to answer.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="GGUF file")
    parser.add_argument("--context", type=int, required=True, help="tokens of one request, prompt and reply")
    parser.add_argument("--parallel", type=int, required=True, help="requests answered at the same time")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--adapter", action="append", default=[], help="GGUF file of an adapter")
    options = parser.parse_args()
    # The libraries may print what they like: only the line below goes to the parent.
    parent = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    # Before the model loads: the parent may die in the meantime.
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    server = _serve(options)
    print(json.dumps({"address": server.listening_address}), file=parent, flush=True)
    threading.Event().wait()


def _exit_with_parent() -> None:
    """The parent holds the other end of standard input; it closes when the parent is gone, however it went."""
    while os.read(0, 4096):
        pass
    os._exit(0)


def _serve(options: argparse.Namespace):  # type: ignore[no-untyped-def]  # xllamacpp has no types
    # Threads that spin at a barrier while another process has their core bring decoding from 100 tokens
    # a second down to 1: let them sleep, which costs reading 7 %. Read when the library loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = options.model
    params.n_parallel = options.parallel
    params.n_ctx = options.context * options.parallel  # llama.cpp divides it among its slots
    # Reading a prompt gains from every core. Writing hardly does (78 against 104 tokens a second on two), and
    # the parent needs a core to pass the text on.
    params.cpuparams.n_threads = max(1, options.threads - 1)
    params.cpuparams_batch.n_threads = options.threads
    params.lora_adapters = [_adapter(xllamacpp, path) for path in options.adapter]
    params.port = 0  # any free one, on 127.0.0.1
    params.api_keys = [os.environ["LLAMACPP_KEY"]]  # other users of this machine can reach the port
    params.verbosity = 1  # errors alone
    params.ui = False
    params.fit_params = False
    # A slot keeps its last prompt, whose beginning the next one shares; further copies would only cost memory.
    params.cache_prompt = True
    params.cache_ram_mib = 0
    params.cache_idle_slots = False
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        time.sleep(0.2)  # llama.cpp's log, which holds the cause, is written by a thread of its own
        sys.exit(f"llama.cpp cannot load {options.model}: {error}")


def _adapter(xllamacpp, path: str):  # type: ignore[no-untyped-def]  # xllamacpp has no types
    told = xllamacpp.CommonAdapterLoraInfo()
    told.path = path
    told.scale = 1.0  # each request says which ones are on
    return told


if __name__ == "__main__":
    main()
