//! Which addresses the world may have us call. An address that means something on this machine, in
//! its network or nowhere is refused, however it is written; the operator may name networks that are
//! allowed all the same.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 that is not the public internet: the special-purpose registry of IANA (RFC 6890 and what
/// came after), multicast and what is reserved.
const CLOSED: [(Ipv4Addr, u8); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// What of `2000::/3`, the only public IPv6 there is, is something else: protocol assignments with
/// Teredo and benchmarks, documentation twice, 6to4.
const CLOSED_SIX: [(Ipv6Addr, u8); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Whether a call may go to this address: it is public, or in a network the operator named.
pub fn allowed(address: IpAddr, named: &[IpNet]) -> bool {
    let meant = meant(address);
    named.iter().any(|network| network.contains(&meant)) || public(meant)
}

/// The IPv4 address that an IPv6 one stands for: mapped, or translated by NAT64.
fn meant(address: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = address.to_canonical() else { return address.to_canonical() };
    match six.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        _ => address,
    }
}

fn public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => {
            let bits = four.to_bits();
            !CLOSED.iter().any(|(net, length)| (bits ^ net.to_bits()) >> (32 - length) == 0)
        }
        IpAddr::V6(six) => {
            let bits = six.to_bits();
            let closed = CLOSED_SIX
                .iter()
                .any(|(net, length)| (bits ^ net.to_bits()) >> (128 - length) == 0);
            bits >> 125 == 1 && !closed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(address: &str, named: &[&str]) -> bool {
        let named: Vec<IpNet> = named.iter().map(|net| net.parse().unwrap()).collect();
        allowed(address.parse().unwrap(), &named)
    }

    #[test]
    fn what_is_not_the_public_internet_is_refused() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:808:808::1",
            "3fff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!may(address, &[]), "{address}");
        }
    }

    #[test]
    fn what_is_public_is_called() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2606:4700::1111",
            "2001:200::1",
            "2a00::1",
        ] {
            assert!(may(address, &[]), "{address}");
        }
    }

    #[test]
    fn the_operator_may_name_networks() {
        let named = ["10.0.0.0/8", "127.0.0.1/32", "fd00::/8"];
        for address in ["10.1.2.3", "127.0.0.1", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "fd12::1"]
        {
            assert!(may(address, &named), "{address}");
        }
        for address in ["127.0.0.2", "::1", "192.168.0.1", "fe80::1"] {
            assert!(!may(address, &named), "{address}");
        }
    }
}
