//! TLS of the server, with certificates of clients where they are asked for (rustls).
//!
//! Files are read anew when the server is told to (`SIGHUP`); connections that are open keep what they began with.

use super::access::{TlsTable, read_bytes};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName,
};
use tokio_rustls::rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};

/// The one protocol that is spoken inside TLS.
const HTTP_1: &[u8] = b"http/1.1";

/// What connections are made with, until it is read anew.
#[derive(Debug)]
pub(super) struct Tls {
    table: TlsTable,
    config: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads certificates and keys.
    ///
    /// # Errors
    /// Which file cannot be used, and why.
    pub(super) fn of(table: &TlsTable) -> Result<Self, String> {
        Ok(Self { table: table.clone(), config: RwLock::new(Arc::new(config(table)?)) })
    }

    /// Reads the files again. What was read before stays in use where they have a fault.
    ///
    /// # Errors
    /// As [`Tls::of`].
    pub(super) fn reload(&self) -> Result<(), String> {
        let fresh = Arc::new(config(&self.table)?);
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// Begins TLS on a connection.
    pub(super) fn accept<IO>(&self, stream: IO) -> Accept<IO>
    where
        IO: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    {
        let config = Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner));
        TlsAcceptor::from(config).accept(stream)
    }
}

/// A test for names in the certificate that the other end showed; none where it showed none. Only names in the subject
/// alternative names count (RFC 9525, 2).
pub(super) fn names<IO>(stream: &TlsStream<IO>) -> Option<impl Fn(&str) -> bool + use<IO>> {
    let certificate = stream.get_ref().1.peer_certificates()?.first()?.clone().into_owned();
    Some(move |name: &str| {
        let parsed = ParsedCertificate::try_from(&certificate).ok();
        let name = ServerName::try_from(name).ok();
        parsed.zip(name).is_some_and(|(parsed, name)| verify_server_name(&parsed, &name).is_ok())
    })
}

fn config(table: &TlsTable) -> Result<ServerConfig, String> {
    let provider = Arc::new(default_provider());
    let told = |error: &dyn std::fmt::Display| format!("[tls]: {error}");
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| told(&error))?;
    let builder = match &table.client_ca {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let mut roots = RootCertStore::empty();
            for root in certificates(file)? {
                roots.add(root).map_err(|error| told(&error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .with_crls(revoked(table)?)
                // A list that is out of date says nothing of today.
                .enforce_revocation_expiration();
            let verifier = if table.client_required { verifier } else { verifier.allow_unauthenticated() };
            builder.with_client_cert_verifier(verifier.build().map_err(|error| told(&error))?)
        }
    };
    let key = PrivateKeyDer::from_pem_slice(&read_bytes(&table.key)?)
        .map_err(|_| format!("`{}` has no private key in PEM", table.key.display()))?;
    let mut config =
        builder.with_single_cert(certificates(&table.certificate)?, key).map_err(|error| told(&error))?;
    config.alpn_protocols = vec![HTTP_1.to_vec()];
    Ok(config)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = read_bytes(file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    found
        .ok()
        .filter(|found| !found.is_empty())
        .ok_or_else(|| format!("`{}` has no certificate in PEM", file.display()))
}

fn revoked(table: &TlsTable) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
    let mut lists = Vec::new();
    for file in &table.client_crls {
        let bytes = read_bytes(file)?;
        let found: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&bytes).collect();
        let found = found.ok().filter(|found| !found.is_empty());
        lists.extend(
            found
                .ok_or_else(|| format!("`{}` has no list of revoked certificates in PEM", file.display()))?,
        );
    }
    Ok(lists)
}
