//! TLS of the gateway: an authority and a certificate for the names of this machine, made at every start. Their keys never leave the process.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use time::{Duration, OffsetDateTime};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// HTTP/2 is offered first, as API Gateway does.
pub(super) const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// How long the certificates are valid; browsers accept no more.
const VALIDITY: Duration = Duration::days(397);

/// A certificate with its authority.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    authority: String,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Tls {
    /// A certificate for the names of loopback and the address that is listened on.
    pub fn new(address: IpAddr) -> io::Result<Self> {
        let mut authority = CertificateParams::default();
        name(&mut authority, "ConChat local cloud");
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority_key = KeyPair::generate().map_err(io::Error::other)?;
        let authority_certificate = authority.self_signed(&authority_key).map_err(io::Error::other)?;

        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut own = CertificateParams::new(names).map_err(io::Error::other)?;
        let address = SanType::IpAddress(address);
        if !own.subject_alt_names.contains(&address) {
            own.subject_alt_names.push(address);
        }
        name(&mut own, "localhost");
        own.use_authority_key_identifier_extension = true;
        own.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = own.signed_by(&key, &Issuer::new(authority, authority_key)).map_err(io::Error::other)?;

        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key))
            .map_err(io::Error::other)?;
        config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), authority: authority_certificate.pem() })
    }

    /// The authority's certificate (PEM), which clients must trust.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }
}

fn name(certificate: &mut CertificateParams, common_name: &str) {
    certificate.distinguished_name.push(DnType::CommonName, common_name);
    // Clocks differ, and so do those of containers.
    certificate.not_before = OffsetDateTime::now_utc() - Duration::DAY;
    certificate.not_after = certificate.not_before + VALIDITY;
}
