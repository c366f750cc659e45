"""Which network addresses the service itself may go to, whoever asks: sources and webhooks alike.

Link-local addresses, those at which clouds tell their machines' secrets, and such as are no single
machine's are never gone to; this machine and private networks only where somebody allows it. It is
the resolved address that is judged, and the IPv4 address within an IPv6 one.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

IP = IPv4Address | IPv6Address

# Beside the link-local ones: Alibaba's and Oracle's clouds, Azure's host, Amazon's by IPv6.
METADATA = {"100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254"}
METADATA_NAMES = ("metadata", "metadata.google.internal", "instance-data")
NAT64 = IPv6Network("64:ff9b::/96")


def parse_ip(text: str) -> IP:
    """Return the address that `text` writes, the embedded IPv4 one if there is one.

    Raises:
        ValueError: it is a name, or a number in another form.
    """
    ip = ip_address(text.partition("%")[0])
    if isinstance(ip, IPv4Address):
        return ip
    if ip in NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    teredo = ip.teredo
    return ip.ipv4_mapped or ip.sixtofour or (teredo[1] if teredo else None) or ip


def is_forbidden(ip: IP) -> bool:
    """Tell whether nothing may ever go to an address of `parse_ip`."""
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified or str(ip) in METADATA:
        return True
    return (ip.is_reserved and not ip.is_loopback) or str(ip) == "255.255.255.255"


def is_private(ip: IP) -> bool:
    """Tell whether an address is this machine's or in a private network."""
    return not ip.is_global


def is_metadata_host(host: str) -> bool:
    """Tell whether clouds tell their machines' secrets at the host of this name."""
    return host.rstrip(".").lower() in METADATA_NAMES
