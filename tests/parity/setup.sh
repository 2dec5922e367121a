#!/usr/bin/env bash
# Makes the private virtual environment of the parity tests (the peers that our numbers are compared with) and
# prints its python. Does nothing when it is there already. Needs the registries once; nothing else is downloaded.
# Where scripts/setup.sh has installed the same torch into .venv, it is used from there: half of the time and space.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
env=${PROMPT_PARITY_ENV:-$here/../../.venv-parity}
want=$(sha256sum "$here/requirements.txt" | cut -d' ' -f1)
if [ "$(cat "$env/.requirements" 2>/dev/null)" != "$want" ]; then
    python3 -m venv --clear "$env" >&2
    torch=2.13.0
    ours=$here/../../.venv/bin/python
    # (not for an environment elsewhere, which may outlive this clone)
    if [ -z "${PROMPT_PARITY_ENV:-}" ] && [ "$("$ours" -c 'import importlib.metadata as m; print(m.version("torch").split("+")[0])' 2>/dev/null)" = $torch ]; then
        "$ours" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
            >"$("$env/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/prompt-torch.pth"
    else
        "$env/bin/pip" install --quiet --disable-pip-version-check torch==$torch >&2
    fi
    # --no-deps: with a CPU torch installed, nothing may pull in another build of it
    "$env/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$here/requirements.txt" >&2
    echo "$want" >"$env/.requirements"
fi
echo "$env/bin/python"
