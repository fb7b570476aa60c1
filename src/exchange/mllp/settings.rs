//! What the settings of the exchange say of connections over MLLP: the tables `mllp-listen` and `mllp-send`.

use super::frame::FrameLimits;
use crate::tls::{Inside, Tls, TlsClientTable, TlsTable};
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// A unit sends to us.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MllpListen {
    /// Address and port that are listened at.
    pub listen: SocketAddr,
    /// TLS; a message goes over the network in the clear without it.
    pub tls: Option<TlsTable>,
    /// The DNS name in the certificate of the sender: nobody else is let in.
    pub certificate: Option<String>,
    /// Addresses that may connect; any where none is named.
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
    /// Types of messages that are taken (MSH-9.1), as `PGL`; any where none is named.
    #[serde(default)]
    pub messages: Vec<String>,
    /// What may stand in MSH-11; an empty one is taken too.
    #[serde(default = "production")]
    pub processing_ids: Vec<String>,
    /// Its limits.
    #[serde(default)]
    pub limits: ListenLimits,
}

fn production() -> Vec<String> {
    vec!["P".to_owned()]
}

impl MllpListen {
    /// A listener at an address, open to all of it.
    pub fn at(listen: SocketAddr) -> Self {
        Self {
            listen,
            tls: None,
            certificate: None,
            addresses: Vec::new(),
            messages: Vec::new(),
            processing_ids: production(),
            limits: ListenLimits::default(),
        }
    }

    /// The files that it names.
    pub fn files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.tls.iter_mut().flat_map(|tls| {
            [&mut tls.certificate, &mut tls.key]
                .into_iter()
                .chain(&mut tls.client_ca)
                .chain(&mut tls.client_crls)
        })
    }

    /// Reads the files of TLS.
    ///
    /// # Errors
    /// Which file cannot be used, and why.
    pub fn check_files(&self) -> Result<(), String> {
        self.tls.as_ref().map_or(Ok(()), |table| Tls::of(table, Inside::Mllp).map(drop))
    }

    /// What cannot work, or would let in anybody.
    pub fn fault(&self) -> Option<&'static str> {
        let asks = self.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some() && tls.client_required);
        if self.certificate.is_some() && !asks {
            return Some("`certificate` needs `tls` with `client_ca` and `client_required = true`");
        }
        if self.tls.is_none() && !self.listen.ip().is_loopback() {
            return Some(
                "without `tls` messages go in the clear: listen at a loopback address, or name `tls`",
            );
        }
        self.limits.has_zero().then_some("no limit can be 0")
    }
}

/// The limits of what listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListenLimits {
    /// Bytes of one message.
    pub frame_bytes_max: usize,
    /// Bytes between two messages.
    pub stray_bytes_max: usize,
    /// Bytes that all connections hold together of messages that have not come in whole.
    pub buffer_bytes_max: usize,
    /// Seconds from the start of a message to its end; also how long a handshake may take.
    pub frame_seconds: u64,
    /// Seconds that a connection may be silent.
    pub idle_seconds: u64,
    /// Seconds that a sender may leave an acknowledgement untaken.
    pub stall_seconds: u64,
    /// Seconds that messages at work get when the listener stops.
    pub grace_seconds: u64,
    /// Connections of all senders.
    pub connections_max: usize,
    /// Connections of one address.
    pub connections_per_address_max: usize,
}

impl Default for ListenLimits {
    fn default() -> Self {
        let frames = FrameLimits::default();
        Self {
            frame_bytes_max: frames.frame_bytes_max,
            stray_bytes_max: frames.stray_bytes_max,
            buffer_bytes_max: 256 << 20,
            frame_seconds: 30,
            // Senders keep a connection for the day, and many say nothing at night.
            idle_seconds: 24 * 3_600,
            stall_seconds: 30,
            grace_seconds: 10,
            connections_max: 1_000,
            connections_per_address_max: 100,
        }
    }
}

impl ListenLimits {
    pub(super) const fn frames(&self) -> FrameLimits {
        FrameLimits { frame_bytes_max: self.frame_bytes_max, stray_bytes_max: self.stray_bytes_max }
    }

    const fn has_zero(&self) -> bool {
        self.frame_bytes_max == 0
            || self.stray_bytes_max == 0
            || self.buffer_bytes_max == 0
            || self.frame_seconds == 0
            || self.idle_seconds == 0
            || self.stall_seconds == 0
            || self.connections_max == 0
            || self.connections_per_address_max == 0
    }
}

/// We send to a unit.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MllpSend {
    /// Host and port of the receiver: `hl7.example.org:2575`.
    pub address: String,
    /// TLS; messages go over the network in the clear without it.
    pub tls: Option<TlsClientTable>,
    /// Messages that may wait for their acknowledgement at one time; 1 is stop and wait.
    #[serde(default = "one")]
    pub window: usize,
    /// Milliseconds within which an acknowledgement must come; also how long connecting may take.
    #[serde(default = "answer_time")]
    pub answer_ms: u64,
    /// Milliseconds of the first pause after a connection failed; each pause is twice the one before.
    #[serde(default = "pause_first")]
    pub pause_ms_first: u64,
    /// Milliseconds of the longest pause.
    #[serde(default = "pause_max")]
    pub pause_ms_max: u64,
}

const fn one() -> usize {
    1
}

const fn answer_time() -> u64 {
    30_000
}

const fn pause_first() -> u64 {
    1_000
}

const fn pause_max() -> u64 {
    300_000
}

/// Most messages of a window.
pub const WINDOW_MAX: usize = 1_000;

impl MllpSend {
    /// A sender to an address, with the defaults.
    pub fn to(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            tls: None,
            window: one(),
            answer_ms: answer_time(),
            pause_ms_first: pause_first(),
            pause_ms_max: pause_max(),
        }
    }

    /// The files that it names.
    pub fn files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.tls
            .iter_mut()
            .flat_map(|tls| std::iter::once(&mut tls.ca).chain(&mut tls.certificate).chain(&mut tls.key))
    }

    /// What cannot work, or would send to anybody.
    pub fn fault(&self) -> Option<&'static str> {
        if self.host().is_empty() || self.port().is_none() {
            return Some("`address` is a host and a port, as hl7.example.org:2575");
        }
        if self.window == 0 || self.window > WINDOW_MAX {
            return Some("`window` is from 1 to 1000");
        }
        if self.answer_ms == 0 || self.pause_ms_first == 0 || self.pause_ms_max < self.pause_ms_first {
            return Some("times are over 0, and `pause_ms_max` is not under `pause_ms_first`");
        }
        let is_local = matches!(self.host(), "localhost" | "127.0.0.1" | "[::1]");
        (self.tls.is_none() && !is_local)
            .then_some("without `tls` messages go in the clear: call a loopback address, or name `tls`")
    }

    /// Whom we call.
    pub(super) fn host(&self) -> &str {
        self.address.rsplit_once(':').map_or("", |(host, _)| host)
    }

    fn port(&self) -> Option<u16> {
        self.address.rsplit_once(':')?.1.parse().ok()
    }

    pub(super) const fn answer_time(&self) -> Duration {
        Duration::from_millis(self.answer_ms)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

    use super::*;

    #[test]
    fn what_would_be_unsafe_is_a_fault() {
        let check = |text: &str, is_fault: bool| {
            let read: MllpListen = toml::from_str(text).unwrap();
            assert_eq!(read.fault().is_some(), is_fault, "{text}");
        };
        let tls = "[tls]\ncertificate = \"a\"\nkey = \"b\"\nclient_ca = \"c\"\n";
        check("listen = \"127.0.0.1:2575\"", false);
        check("listen = \"0.0.0.0:2575\"", true);
        check(&format!("listen = \"0.0.0.0:2575\"\n{tls}"), false);
        check(&format!("listen = \"0.0.0.0:2575\"\ncertificate = \"a.example\"\n{tls}"), true);
        check(
            &format!("listen = \"0.0.0.0:2575\"\ncertificate = \"a.example\"\n{tls}client_required = true"),
            false,
        );
        check("listen = \"127.0.0.1:2575\"\n[limits]\nframe_seconds = 0", true);
        assert!(toml::from_str::<MllpListen>("listen = \"127.0.0.1:2575\"\nx = 1").is_err());
    }

    #[test]
    fn a_receiver_is_a_host_and_a_port() {
        let check = |text: &str, is_fault: bool| {
            let read: MllpSend = toml::from_str(text).unwrap();
            assert_eq!(read.fault().is_some(), is_fault, "{text}");
        };
        check("address = \"127.0.0.1:2575\"", false);
        check("address = \"127.0.0.1\"", true);
        check("address = \"hl7.example.org:2575\"", true);
        check("address = \"hl7.example.org:2575\"\n[tls]\nca = \"ca.pem\"", false);
        check("address = \"localhost:1\"\nwindow = 0", true);
    }
}
