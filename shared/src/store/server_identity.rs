//! Which authorities may sign the certificate of a database server, and what an operator can do about a server that does not prove its identity.
//!
//! The public authorities are known to the driver. RDS signs with authorities of its own, one set for each region, which are compiled in.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, RootCertStore};
use sqlx::mysql::MySqlConnectOptions;

use crate::config;
use crate::error::{Error, Result};

const RDS: &str = include_str!("rds_authorities.pem");
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Adds the authorities that may sign the certificate of the options' host, besides the public ones: those of `DATABASE_CA`, else those of RDS in the
/// region that the host's name contains.
pub(super) fn with_authorities(options: MySqlConnectOptions) -> Result<MySqlConnectOptions> {
    let authorities = match config::database_ca() {
        Some(given) => Some(given_authorities(&given)?),
        None => rds_region(options.get_host()).and_then(rds_authorities).map(str::to_owned),
    };
    Ok(match authorities {
        Some(pem) => options.ssl_ca_from_pem(pem.into_bytes()),
        None => options,
    })
}

/// Says with which server the connection failed, and what helps if its certificate is the reason.
pub(super) fn connection_failed(error: Error, options: &MySqlConnectOptions) -> Error {
    let (host, port) = (options.get_host(), options.get_port());
    let advice = match refused_certificate(&error) {
        Some(CertificateError::UnknownIssuer) => {
            " (no known authority signed its certificate: give the authority's certificate as DatabaseCa)"
        }
        Some(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }) => {
            " (its certificate is for another name: use the name in the certificate as the host in the secret)"
        }
        Some(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            " (its certificate has expired: renew it on the server)"
        }
        _ => "",
    };
    error.during(format!("connecting to the database at {host}:{port}{advice}"))
}

/// Why the server's certificate was refused, if it was.
pub(super) fn refused_certificate(error: &Error) -> Option<&CertificateError> {
    let error = match error.cause::<sqlx::Error>()? {
        sqlx::Error::Io(error) => error.get_ref()?.downcast_ref(),
        sqlx::Error::Tls(error) => error.downcast_ref(),
        _ => None,
    };
    match error? {
        rustls::Error::InvalidCertificate(reason) => Some(reason),
        _ => None,
    }
}

/// The text of certificates, given as such or as the path of a file. Line breaks may be lost or escaped, as on a command line.
fn given_authorities(given: &str) -> Result<String> {
    let wrong = |why: String| Error::internal(format!("DATABASE_CA (parameter DatabaseCa) {why}"));
    let text = if given.trim_start().starts_with("-----BEGIN") {
        given.to_owned()
    } else {
        let file = given.trim();
        std::fs::read_to_string(file).map_err(|error| {
            wrong(format!("is neither the text of a certificate (PEM) nor a file that can be read: {file}: {error}"))
        })?
    };
    let mut pem = String::new();
    for (body, _) in text.split(BEGIN).skip(1).filter_map(|part| part.split_once(END)) {
        let body = body.replace("\\n", "");
        pem.extend([BEGIN, "\n"].into_iter().chain(body.split_whitespace()).chain(["\n", END, "\n"]));
    }
    let certificates = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
    let (usable, ignored) = RootCertStore::empty().add_parsable_certificates(certificates.unwrap_or_default());
    if usable == 0 || ignored > 0 {
        return Err(wrong(format!("must be the text of certificates (PEM); {usable} of its certificates are usable")));
    }
    Ok(pem)
}

/// The region in the name of an RDS or Aurora endpoint: `name.id.region.rds.amazonaws.com`, in any partition.
fn rds_region(host: &str) -> Option<&str> {
    let (before, domain) = host.trim_end_matches('.').rsplit_once(".rds.")?;
    let is_of_aws = ["amazonaws.com", "amazonaws.com.cn", "amazonaws.eu"].contains(&domain);
    before.rsplit('.').next().filter(|_| is_of_aws)
}

/// The authorities of RDS in a region, if they are compiled in.
fn rds_authorities(region: &str) -> Option<&'static str> {
    RDS.split("\n# ").skip(1).find_map(|section| section.split_once('\n').filter(|(name, _)| *name == region)).map(|(_, pem)| pem)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_region_has_its_three_authorities() {
        let sections: Vec<_> = RDS.split("\n# ").skip(1).filter_map(|section| section.split_once('\n')).collect();
        let regions: BTreeSet<_> = sections.iter().map(|(region, _)| *region).collect();
        assert_eq!((sections.len(), regions.len()), (27, 27));
        for (region, pem) in sections {
            let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().unwrap();
            assert_eq!(RootCertStore::empty().add_parsable_certificates(certificates.iter().cloned()), (3, 0), "{region}");
            for (certificate, algorithm) in certificates.iter().zip(["RSA2048", "RSA4096", "ECC384"]) {
                let name = format!("Amazon RDS {region} Root CA {algorithm} G1");
                let times = certificate.windows(name.len()).filter(|part| *part == name.as_bytes()).count();
                assert_eq!(times, 2, "{name} is not both issuer and subject");
                assert!(expiry(certificate) >= 2061, "{name} expires in {}", expiry(certificate));
            }
        }
    }

    /// The year in which a certificate expires, which is in the second of the two times of its validity. Years from 2050 on have four digits
    /// (`GeneralizedTime`, RFC 5280 4.1.2.5).
    fn expiry(certificate: &[u8]) -> u16 {
        let time = certificate.windows(2).position(|tag| tag == [0x18, 0x0f]).expect("a time from 2050 on");
        std::str::from_utf8(&certificate[time + 2..time + 6]).unwrap().parse().unwrap()
    }

    #[test]
    fn the_region_is_read_from_the_names_of_rds_alone() {
        for (host, region) in [
            ("conchat.cluster-c1abc.eu-central-1.rds.amazonaws.com", Some("eu-central-1")),
            ("db.c1abc.us-east-1.rds.amazonaws.com.", Some("us-east-1")),
            ("db.c1abc.cn-north-1.rds.amazonaws.com.cn", Some("cn-north-1")),
            ("db.c1abc.eu-central-1.rds.amazonaws.com.example.org", None),
            ("eu-central-1.rds.example.org", None),
            ("rds.amazonaws.com", None),
            ("127.0.0.1", None),
        ] {
            assert_eq!(rds_region(host), region, "{host}");
        }
        assert!(rds_authorities("eu-central-1").is_some_and(|pem| pem.starts_with(BEGIN)));
        for unknown in ["eu", "eu-central-9", "", "il-central-1"] {
            assert!(rds_authorities(unknown).is_none(), "{unknown}");
        }
    }

    #[test]
    fn an_authority_is_read_however_its_lines_are_broken() {
        let pem = rds_authorities("eu-west-1").unwrap().split_inclusive(END).next().unwrap();
        let read = |text: &str| given_authorities(text).map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap());
        let expected = read(pem).unwrap();
        for text in [pem.replace('\n', "\\n"), pem.replace('\n', " "), pem.replace('\n', ""), format!("\n  {pem}\n{pem}")] {
            assert_eq!(read(&text).unwrap(), expected);
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), pem).unwrap();
        assert_eq!(read(file.path().to_str().unwrap()).unwrap(), expected);
    }

    #[test]
    fn what_is_no_authority_is_refused_with_a_sentence() {
        for (text, expected) in [
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "must be the text of certificates"),
            ("-----BEGIN CERTIFICATE-----", "must be the text of certificates"),
            ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "must be the text of certificates"),
            ("/nowhere/ca.pem", "neither the text of a certificate (PEM) nor a file"),
        ] {
            let causes = given_authorities(text).unwrap_err().causes().unwrap();
            assert!(causes.contains("DatabaseCa") && causes.contains(expected), "{causes}");
        }
    }
}
