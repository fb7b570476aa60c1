//! The table `[subscriptions]` of the settings.

use serde::Deserialize;
use std::path::PathBuf;

/// Where notifications may be sent, and how often it is tried.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SubscriptionSettings {
    /// Notifications are sent.
    pub enabled: bool,
    /// They may be sent to addresses of the own machine and of private networks.
    pub private_addresses: bool,
    /// They may be sent without TLS.
    pub plain_http: bool,
    /// PEM file with the roots that sign certificates of endpoints.
    pub ca: PathBuf,
    /// How often one notification is tried before the subscription is in error.
    pub attempts: u32,
    /// Seconds before the second try; each next one waits twice as long, at most an hour.
    pub retry_seconds: u64,
    /// Seconds that an endpoint has to answer.
    pub timeout_seconds: u64,
}

impl Default for SubscriptionSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            private_addresses: false,
            plain_http: false,
            ca: PathBuf::from("/etc/ssl/certs/ca-certificates.crt"),
            attempts: 12,
            retry_seconds: 5,
            timeout_seconds: 10,
        }
    }
}
