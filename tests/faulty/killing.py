"""A first run, killed at one of its steps; then another one, and all is well."""

import signal

from tests.faulty import machine
from tests.faulty.ending import holds_in_the_end
from tests.world import World, pdf, sandbox

FILES = {"Rechnung_RE12345.pdf": pdf("one"), "1. Mahnung RE54321.pdf": pdf("two")}


def killed(folder, library, number, moment):
    """Returns whether there was such a step: otherwise the first run came to its end."""
    with sandbox() as abillify:
        world = World(folder / f"{number}-{moment}", abillify)
        world.environ["IMPORTER_API__CONCURRENCY"] = "1"
        for name, content in FILES.items():
            world.drop(name, content)
        sound = world.environ
        world.environ = sound | machine.environ(library, machine.killed_at(number, world.folder, moment=moment))
        code = world.importer("backfill").returncode
        assert code in (-signal.SIGKILL, 0), f"step {number}, {moment}: exit {code}"
        world.environ = sound
        holds_in_the_end(world, FILES)
    return code == -signal.SIGKILL
