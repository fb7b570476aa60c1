//! Listens for senders, counts them, and ends their connections in good order.

use super::connection::Connection;
use super::settings::MllpListen;
use super::told::Told;
use crate::diag::{Code, codes};
use crate::exchange::addresses::Addresses;
use crate::exchange::inbox::Accept;
use crate::tls::{Inside, Tls, names};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// How long the listener waits when the system gives it no connection, as where files run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Bytes of one permit of the room that all connections share.
pub(super) const ROOM_BYTES: usize = 1 << 10;

/// One connection of the settings on which units send to us.
pub struct Listening<A> {
    pub(super) settings: MllpListen,
    pub(super) unit: Option<&'static str>,
    pub(super) inbox: Arc<A>,
    pub(super) told: Arc<Told>,
    /// What all connections hold together.
    pub(super) room: Arc<Semaphore>,
    tls: Option<Tls>,
}

impl<A: Accept> Listening<A> {
    /// A listener for the connection whose counts are `told`; its messages are documents of `unit`, where that is known.
    ///
    /// # Errors
    /// Which file of TLS cannot be used, and why.
    pub fn new(
        settings: MllpListen,
        unit: Option<&'static str>,
        inbox: Arc<A>,
        told: Arc<Told>,
    ) -> Result<Self, String> {
        let tls = settings.tls.as_ref().map(|table| Tls::of(table, Inside::Mllp)).transpose()?;
        let room = settings.limits.buffer_bytes_max.div_ceil(ROOM_BYTES).min(Semaphore::MAX_PERMITS);
        Ok(Self { settings, unit, inbox, told, room: Arc::new(Semaphore::new(room)), tls })
    }

    /// Reads certificates again; connections that are open keep what they began with.
    ///
    /// # Errors
    /// As [`Listening::new`]; what was read before stays in use.
    pub fn reload(&self) -> Result<(), String> {
        self.tls.as_ref().map_or(Ok(()), Tls::reload)
    }

    /// Takes connections until `stop` is done, and messages that have begun until their time is over.
    pub async fn run(self: Arc<Self>, listener: TcpListener, stop: impl Future<Output = ()>) {
        let limits = self.settings.limits;
        let places = Arc::new(Semaphore::new(limits.connections_max));
        let addresses = Arc::new(Addresses::default());
        let (stopping, stopped) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut stop = pin!(stop);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = &mut stop => break,
                Some(_) = connections.join_next() => continue,
            };
            let Ok((stream, peer)) = accepted else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            if !self.settings.addresses.is_empty() && !self.settings.addresses.contains(&peer.ip()) {
                self.told.tell(codes::MLLP_STRANGER);
                continue;
            }
            let place = Arc::clone(&places).try_acquire_owned().ok();
            let seat = addresses.enter(peer.ip(), limits.connections_per_address_max);
            let (Some(place), Some(seat)) = (place, seat) else {
                self.told.tell(codes::MLLP_PLACES);
                continue;
            };
            let (listening, stopped) = (Arc::clone(&self), stopped.clone());
            connections.spawn(async move {
                if let Err(code) = listening.begin(stream, stopped).await {
                    listening.told.tell(code);
                }
                drop((place, seat));
            });
        }
        drop(listener);
        stopping.send_replace(true);
        let all = async { while connections.join_next().await.is_some() {} };
        drop(tokio::time::timeout(Duration::from_secs(limits.grace_seconds), all).await);
        // What is still at work then is not acknowledged, so it comes again.
        connections.shutdown().await;
    }

    /// One connection: TLS first, where there is any.
    async fn begin(&self, stream: TcpStream, stopped: watch::Receiver<bool>) -> Result<(), &'static Code> {
        // Without it an acknowledgement waits for that of TCP; where it fails, it is only slower.
        drop(stream.set_nodelay(true));
        let Some(tls) = &self.tls else {
            return Connection::new(stream, self, stopped).run().await;
        };
        let handshake = Duration::from_secs(self.settings.limits.frame_seconds);
        let Ok(Ok(stream)) = tokio::time::timeout(handshake, tls.accept(stream)).await else {
            return Err(codes::MLLP_STRANGER);
        };
        if let Some(name) = &self.settings.certificate
            && !names(&stream).is_some_and(|is_named| is_named(name))
        {
            return Err(codes::MLLP_STRANGER);
        }
        Connection::new(stream, self, stopped).run().await
    }
}

impl<A> std::fmt::Debug for Listening<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listening").field("connection", &self.told.connection()).finish_non_exhaustive()
    }
}
