"""A bridge with a network namespace for each node, whose links can be cut, made deaf or dumb, and slowed."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from isolation import Impossible

SUBNET = "10.77.0"
HUB = f"{SUBNET}.1"  # of this process and PostgreSQL
BRIDGE = "hub"
# Nobody's hardware address: what is sent to it gets lost.
NOBODY = "02:00:00:00:de:ad"


def ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Impossible(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


@dataclass(frozen=True)
class Place:
    """A network namespace with one interface on the bridge."""
    name: str
    number: int

    @property
    def address(self) -> str:
        return f"{SUBNET}.{self.number}"

    def inside(self) -> list[str]:
        """What to put before a command that is to run here."""
        return ["ip", "netns", "exec", self.name]

    def build(self) -> None:
        name, link = self.name, f"to-{self.name}"
        ip("netns", "add", name)
        ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("link", "set", link, "master", BRIDGE, "up")
        ip("-n", name, "link", "set", "lo", "up")
        # A machine keeps its network card.
        ip("-n", name, "link", "set", "eth0", "address", f"02:77:00:00:00:{self.number:02x}")
        ip("-n", name, "address", "add", f"{self.address}/24", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")

    def lose_power(self, kill: Callable[[], None]) -> None:
        """Its connections vanish without a last packet; it is there again at once, with nothing in memory."""
        ip("link", "delete", f"to-{self.name}")
        kill()
        ip("netns", "delete", self.name)
        self.build()

    def cut(self) -> None:
        """As if the cable were pulled, from the switch."""
        ip("link", "set", f"to-{self.name}", "down")

    def heal(self) -> None:
        ip("link", "set", f"to-{self.name}", "up")

    def mute(self, towards: "Place") -> None:
        """What is sent from here to there is lost, silently; the other direction is left alone."""
        ip("-n", self.name, "neigh", "replace", towards.address, "lladdr", NOBODY, "dev", "eth0", "nud",
           "permanent")

    def unmute(self, towards: "Place") -> None:
        ip("-n", self.name, "neigh", "del", towards.address, "dev", "eth0")

    def disturb(self, delay: str, loss: str) -> bool:
        """Delays and loses packets that leave here; False if the kernel cannot."""
        command = ["tc", "-n", self.name, "qdisc", "replace", "dev", "eth0", "root", "netem", "delay", delay,
                   "loss", loss]
        try:
            return subprocess.run(command, capture_output=True, check=False).returncode == 0
        except FileNotFoundError:
            return False

    def calm(self) -> None:
        subprocess.run(["tc", "-n", self.name, "qdisc", "del", "dev", "eth0", "root"], capture_output=True,
                       check=False)


def make_bridge() -> None:
    ip("link", "add", BRIDGE, "type", "bridge", "forward_delay", "0")
    ip("address", "add", f"{HUB}/24", "dev", BRIDGE)
    ip("link", "set", BRIDGE, "up")


def make_place(name: str, number: int) -> Place:
    place = Place(name, number)
    place.build()
    return place
