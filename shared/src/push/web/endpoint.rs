//! Validation of push endpoints. Users supply the URL that the server calls: it must be an allowed push service over TLS, and its name must resolve
//! to public addresses at the time of the call.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::client::legacy::connect::dns::Name;
use tower::Service;

const MOST_LENGTH: usize = 1024;

/// Hosts that may be called.
#[derive(Clone, Debug)]
pub struct AllowedHosts {
    patterns: Vec<String>,
    loopback: bool,
}

impl AllowedHosts {
    /// Patterns are a name (`push.example`), all names below one (`*.push.example`), or `*`. `loopback` also allows this machine, for the local
    /// cloud.
    pub fn new(patterns: &[String], loopback: bool) -> Self {
        Self { patterns: patterns.iter().map(|pattern| pattern.to_ascii_lowercase()).collect(), loopback }
    }

    /// Returns the endpoint as a URI if it is allowed.
    pub fn check(&self, endpoint: &str) -> Option<Uri> {
        if endpoint.len() > MOST_LENGTH || !endpoint.bytes().all(|byte| byte.is_ascii_graphic()) || endpoint.contains(['#', '\\'])
        {
            return None;
        }
        let uri: Uri = endpoint.parse().ok()?;
        let (authority, host) = (uri.authority()?.as_str(), uri.host()?.to_ascii_lowercase());
        if authority.contains('@') {
            return None;
        }
        let may = match uri.scheme_str()? {
            "https" => matches!(uri.port_u16(), None | Some(443)) && is_name(&host) && self.allows(&host),
            "http" => self.loopback && matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]"),
            _ => false,
        };
        may.then_some(uri)
    }

    fn allows(&self, host: &str) -> bool {
        self.patterns.iter().any(|pattern| match pattern.strip_prefix("*.") {
            Some(below) => host.strip_suffix(below).is_some_and(|rest| rest.ends_with('.')),
            None => pattern == "*" || pattern == host,
        })
    }
}

/// Whether only DNS can resolve the host. IP addresses have many numeric spellings that resolvers accept.
fn is_name(host: &str) -> bool {
    let label =
        |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    let Some((_, last)) = host.rsplit_once('.') else { return false };
    host.split('.').all(label) && last.bytes().any(|byte| byte.is_ascii_alphabetic()) && !last.starts_with("0x")
}

/// Resolves names to public addresses. The connection uses the checked addresses, which prevents DNS rebinding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resolver;

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            public_addresses(name.as_str(), found.collect()).map(Vec::into_iter)
        })
    }
}

/// Keeps the public addresses of a name; loopback only for `localhost`.
fn public_addresses(name: &str, mut found: Vec<SocketAddr>) -> io::Result<Vec<SocketAddr>> {
    found.retain(|address| is_public(address.ip()) || name == "localhost" && address.ip().is_loopback());
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the name has no public address"));
    }
    Ok(found)
}

/// Whether an address is public. Unknown ranges are not.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = matches!(
        (a, b, c),
        // This network, private, carrier-grade NAT, loopback, link-local (cloud metadata services), private. Multicast and reserved.
        (0 | 10 | 127 | 224..=255, ..) | (100, 64..=127, _) | (169, 254, _) | (172, 16..=31, _) | (192, 168, _)
        // Protocol assignments, documentation, 6to4 relays, benchmarks.
        | (192, 0, 0 | 2) | (192, 88, 99) | (198, 18..=19, _) | (198, 51, 100) | (203, 0, 113)
    );
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    match segments {
        // IPv4 addresses in IPv6: mapped, and translated (NAT64).
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Protocol assignments with Teredo, documentation, 6to4, documentation again.
        [0x2001, 0..=0x01ff | 0x0db8, ..] | [0x2002, ..] | [0x3fff, 0..=0x0fff, ..] => false,
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(patterns: &[&str], loopback: bool) -> AllowedHosts {
        AllowedHosts::new(&patterns.iter().map(|pattern| (*pattern).to_owned()).collect::<Vec<_>>(), loopback)
    }

    #[test]
    fn only_named_hosts_over_tls_on_their_own_port_are_called() {
        let any = hosts(&["*"], false);
        for endpoint in
            ["https://fcm.googleapis.com/fcm/send/abc:APA91", "https://a.b-c.example:443/x?y=z", "https://XN--BCHER-KVA.example/"]
        {
            assert!(any.check(endpoint).is_some(), "{endpoint}");
        }
        for endpoint in [
            "",
            "/relative",
            "fcm.googleapis.com/x",
            "http://fcm.googleapis.com/x",
            "ftp://fcm.googleapis.com/x",
            "https://fcm.googleapis.com:8443/x",
            "https://user@fcm.googleapis.com/x",
            "https://fcm.googleapis.com@10.0.0.1/x",
            "https://fcm.googleapis.com\\@10.0.0.1/x",
            "https://fcm.googleapis.com/x#y",
            "https://fcm.googleapis.com/ x",
            "https://fcm.googleapis.com/\u{fc}",
            "https://localhost/x",
            "https://internal/x",
            "https://example./x",
            "https://127.0.0.1/x",
            "https://10.0.0.1/x",
            "https://169.254.169.254/latest/meta-data/",
            "https://2130706433/x",
            "https://0x7f000001/x",
            "https://0x7f.1/x",
            "https://127.1/x",
            "https://0177.0.0.1/x",
            "https://1.2.3.0xff/x",
            "https://[::1]/x",
            "https://[::ffff:127.0.0.1]/x",
            "https://[fd00:ec2::254]/x",
            "https://[2606:4700::1111]/x",
            "http://127.0.0.1:8081/x",
            "http://localhost/x",
        ] {
            assert!(any.check(endpoint).is_none(), "{endpoint}");
        }
        let long = format!("https://push.example/{}", "x".repeat(MOST_LENGTH));
        assert!(any.check(&long).is_none());
    }

    #[test]
    fn this_machine_is_called_in_the_local_cloud_alone() {
        let local = hosts(&[], true);
        assert!(local.check("http://127.0.0.1:4000/x").is_some() && local.check("http://localhost:4000/x").is_some());
        for endpoint in ["http://10.0.0.1/x", "http://push.example/x", "http://127.0.0.2/x", "https://127.0.0.1/x", "http://0/x"]
        {
            assert!(local.check(endpoint).is_none(), "{endpoint}");
        }
    }

    #[test]
    fn an_operator_says_which_hosts_are_push_services() {
        let known = hosts(&["fcm.googleapis.com", "*.push.apple.com"], false);
        for host in ["fcm.googleapis.com", "FCM.googleapis.com", "web.push.apple.com", "a.b.push.apple.com"] {
            assert!(known.check(&format!("https://{host}/x")).is_some(), "{host}");
        }
        for host in
            ["push.apple.com", "evilpush.apple.com", "x.fcm.googleapis.com", "fcm.googleapis.com.evil.example", "push.example"]
        {
            assert!(known.check(&format!("https://{host}/x")).is_none(), "{host}");
        }
        assert!(hosts(&[], false).check("https://push.example/x").is_none());
    }

    #[test]
    fn private_addresses_are_not_called_however_they_are_spelled() {
        for address in ["8.8.8.8", "142.250.0.1", "2606:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8", "64:ff9b::808:808"] {
            assert!(address.parse().is_ok_and(is_public), "{address}");
        }
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.1",
            "192.168.1.1",
            "192.0.0.8",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "64:ff9b:1::808:808",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "100::1",
        ] {
            assert!(address.parse().is_ok_and(|address| !is_public(address)), "{address}");
        }
    }

    #[test]
    fn a_name_that_points_inside_is_not_connected_to() {
        let at = |address: &str| SocketAddr::new(address.parse().expect("an address"), 0);
        let both = vec![at("10.0.0.1"), at("8.8.8.8")];
        assert_eq!(public_addresses("push.example", both).expect("one is left"), [at("8.8.8.8")]);
        for inside in ["127.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1"] {
            assert!(public_addresses("rebound.push.example", vec![at(inside)]).is_err(), "{inside}");
        }
        assert!(
            public_addresses("localhost", vec![at("127.0.0.1")]).is_ok()
                && public_addresses("localhost", vec![at("10.0.0.1")]).is_err()
        );
    }
}
