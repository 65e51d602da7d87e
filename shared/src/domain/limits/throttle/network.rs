//! Networks as keys of counters. An IPv6 site has 2^64 addresses and often 256 such networks, so a /64 counts as one address and wider prefixes
//! have their own limits.

use std::net::IpAddr;

use crate::error::Limit;

/// The networks of an address, narrowest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::domain) struct Network {
    names: Vec<String>,
    prefix: Vec<u8>,
}

/// Factor of the limit from a /64 to a /56, and again to a /48.
const WIDER: u32 = 4;

impl Network {
    /// Parses an address from the gateway.
    pub(in crate::domain) fn of(ip: &str) -> Self {
        match ip.parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(IpAddr::V4(address)) => Self { names: vec![address.to_string()], prefix: address.octets().to_vec() },
            Ok(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                let names = vec![
                    format!("{a:x}:{b:x}:{c:x}:{d:x}::/64"),
                    format!("{a:x}:{b:x}:{c:x}:{:x}::/56", d & 0xff00),
                    format!("{a:x}:{b:x}:{c:x}::/48"),
                ];
                Self { names, prefix: address.octets()[..8].to_vec() }
            }
            Err(_) => Self { names: vec!["unknown".into()], prefix: Vec::new() },
        }
    }

    /// The narrowest network.
    pub(in crate::domain) fn name(&self) -> &str {
        &self.names[0]
    }

    /// The leading bytes of its addresses: 4 of IPv4, 8 of IPv6.
    pub(in crate::domain) fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    pub(in crate::domain) fn limits(&self, limit: Limit) -> impl Iterator<Item = (&str, Limit)> {
        let scaled = move |steps: u32| Limit { quota: limit.quota.saturating_mul(WIDER.saturating_pow(steps)), ..limit };
        self.names.iter().map(String::as_str).zip((0..).map(scaled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_network_is_an_ipv4_address_or_an_ipv6_64() {
        for (ip, name, prefix) in [
            ("192.0.2.7", "192.0.2.7", &[192, 0, 2, 7][..]),
            ("::ffff:192.0.2.7", "192.0.2.7", &[192, 0, 2, 7]),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", &[0x20, 1, 0xd, 0xb8, 0, 1, 0, 2]),
            ("x#y", "unknown", &[]),
        ] {
            let network = Network::of(ip);
            assert_eq!((network.name(), network.prefix()), (name, prefix), "{ip}");
        }
    }

    #[test]
    fn wider_networks_have_higher_limits() {
        let network = Network::of("2001:db8:1:2ff:3:4:5:6");
        let limits: Vec<_> = network.limits(Limit { quota: 20, window: 60 }).map(|(name, limit)| (name, limit.quota)).collect();
        assert_eq!(limits, [("2001:db8:1:2ff::/64", 20), ("2001:db8:1:200::/56", 80), ("2001:db8:1::/48", 320)]);
        assert_eq!(Network::of("192.0.2.7").limits(Limit { quota: 20, window: 60 }).count(), 1);
    }
}
