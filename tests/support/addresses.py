"""Addresses that nobody may reach through the service, whichever way it goes to them."""

from __future__ import annotations

NEVER = (
    "169.254.169.254",
    "169.254.1.1",
    "[fe80::1]",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::]",
    "[fd00:ec2::254]",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "0.0.0.0",
    "[::]",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "metadata.google.internal",
)
SPELLINGS = ("2852039166", "0xa9fea9fe", "169.254.43518", "0251.0376.0251.0376")  # of the first
NEAR = ("127.0.0.1", "10.1.2.3", "192.168.0.1", "[::1]", "[fd00::1]", "[::ffff:10.0.0.1]")
