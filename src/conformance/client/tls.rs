//! TLS towards a server: the roots that are trusted, and the certificate that the client shows (rustls).

use super::ClientError;
use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// The one protocol that is spoken inside TLS.
const HTTP_1: &[u8] = b"http/1.1";

/// What TLS is spoken by.
#[derive(Debug, Clone)]
pub struct Tls(Arc<ClientConfig>);

impl Tls {
    /// With roots in PEM, and where the server asks for one a certificate with its key, both in PEM.
    ///
    /// # Errors
    /// No root, or a certificate or key that cannot be used.
    pub fn new(roots: &[u8], identity: Option<(&[u8], &[u8])>) -> Result<Self, ClientError> {
        let told = |error: &dyn std::fmt::Display| ClientError::Tls(format!("TLS: {error}"));
        let mut store = RootCertStore::empty();
        // A bundle of a system may hold roots that rustls does not take; the others count.
        let (trusted, _) = store.add_parsable_certificates(certificates(roots)?);
        if trusted == 0 {
            return Err(ClientError::NoRoots);
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| told(&error))?
            .with_root_certificates(store);
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let key = PrivateKeyDer::from_pem_slice(key)
                    .map_err(|_| ClientError::Tls("the file has no private key in PEM".to_owned()))?;
                builder
                    .with_client_auth_cert(certificates(certificate)?, key)
                    .map_err(|error| told(&error))?
            }
        };
        config.alpn_protocols = vec![HTTP_1.to_vec()];
        Ok(Self(Arc::new(config)))
    }

    pub(super) async fn connect(&self, host: &str, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        TlsConnector::from(Arc::clone(&self.0)).connect(name, stream).await
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.ok().filter(|found| !found.is_empty());
    found.ok_or_else(|| ClientError::Tls("the file has no certificate in PEM".to_owned()))
}
