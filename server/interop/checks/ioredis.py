"""ioredis on node.js: runs `ioredis.mjs` and counts its lines.

Owns handing the server's address to the script. Invariant: skipped by name where node.js or the
package cannot be had. Cost: one node.js process.
"""

import os
import pathlib
import shutil
import subprocess

from harness import Skipped, check

SCRIPT = pathlib.Path(__file__).parent / "ioredis.mjs"


def run(node, *args):
    modules = os.environ.get("NODE_MODULES", "")
    if shutil.which("node") is None:
        raise Skipped("node.js is not installed")
    if not pathlib.Path(modules, "ioredis").is_dir():
        raise Skipped("npm could not install ioredis")
    environment = os.environ | {"IOREDIS": str(pathlib.Path(modules, "ioredis"))}
    done = subprocess.run(
        ["node", str(SCRIPT), node.host, str(node.port), *args],
        capture_output=True, text=True, timeout=60, env=environment,
    )
    assert done.returncode == 0 and done.stdout.rstrip().endswith("done"), (
        f"exit {done.returncode}\n{done.stdout}{done.stderr}"
    )


@check
def plain(node):
    run(node, "plain")


@check(needs="cluster")
def cluster(node):
    run(node, "cluster")


@check(needs="password")
def with_a_password(node):
    run(node, "password", node.shape.password)
