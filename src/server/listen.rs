//! Accepts connections, counts them, and ends them in good order.

use super::Server;
use super::access::Peer;
use super::guarded::Guarded;
use super::http;
use super::refusal::{Refusal, Why};
use super::subscription::serve_subscriptions;
use crate::exchange::addresses::Addresses;
use crate::store::Store;
use crate::tls;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// How long the server waits when the system gives it no connection, as where files run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long the rest of a refused request is read, so that the answer is not lost to a reset.
const LINGER: Duration = Duration::from_secs(1);
/// Bytes of the rest of a refused request that are read.
const LINGER_BYTES_MAX: usize = 4 << 20;
/// Bytes that hyper keeps of a head; the guard's own limit is smaller.
const HYPER_BUFFER_BYTES: usize = 64 << 10;

/// Serves connections until `stop` is done and those at work have ended, or their time is over.
pub async fn serve<S: Store>(listener: TcpListener, server: Arc<Server<S>>, stop: impl Future<Output = ()>) {
    let limits = server.settings.limits;
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let addresses = Arc::new(Addresses::default());
    let (stopping, stopped) = watch::channel(false);
    let mut stop = pin!(stop);
    let jobs = Arc::clone(&server);
    let worker = tokio::spawn(async move { jobs.do_jobs().await });
    let notifier = tokio::spawn(serve_subscriptions(Arc::clone(&server)));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let Ok((stream, peer)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        server.metrics.connection();
        let place = Arc::clone(&places).try_acquire_owned().ok();
        let seat = addresses.enter(peer.ip(), limits.connections_per_address_max);
        if !server.access.admits(peer.ip()) {
            server.metrics.refused_connection();
            continue;
        }
        let (Some(place), Some(seat)) = (place, seat) else {
            server.metrics.refused_connection();
            // Inside TLS there would first have to be a handshake, which costs what there is too little of.
            if server.tls.is_none() {
                tokio::spawn(turn_away(stream));
            }
            continue;
        };
        let (server, stopped) = (Arc::clone(&server), stopped.clone());
        tokio::spawn(async move {
            begin(stream, peer.ip(), server, stopped).await;
            drop((place, seat));
        });
    }
    drop(listener);
    worker.abort();
    notifier.abort();
    stopping.send_replace(true);
    let all = u32::try_from(limits.connections_max).unwrap_or(u32::MAX);
    drop(tokio::time::timeout(limits.grace_time(), places.acquire_many(all)).await);
}

/// One connection: TLS first, where there is any, within the time that a head of a request has.
async fn begin<S: Store>(
    stream: TcpStream,
    address: IpAddr,
    server: Arc<Server<S>>,
    stopped: watch::Receiver<bool>,
) {
    // Without it an answer in two writes waits for the client's acknowledgement; where it fails, it is only slower.
    drop(stream.set_nodelay(true));
    let Some(tls) = &server.tls else {
        let peer = Peer { address, certified: None };
        return connection(stream, peer, server, stopped).await;
    };
    let handshake = tls.accept(stream);
    match tokio::time::timeout(server.settings.limits.head_time(), handshake).await {
        Ok(Ok(stream)) => {
            let names = tls::names(&stream);
            let certified = names.and_then(|is_named| server.access.certified(is_named));
            connection(stream, Peer { address, certified }, server, stopped).await;
        }
        Ok(Err(_)) | Err(_) => {
            tracing::debug!("no handshake");
            server.metrics.refused_connection();
        }
    }
}

/// One connection, from its first request to its end.
async fn connection<IO, S>(stream: IO, peer: Peer, server: Arc<Server<S>>, mut stopped: watch::Receiver<bool>)
where
    IO: AsyncRead + AsyncWrite + Unpin,
    S: Store,
{
    let limits = server.settings.limits;
    let guarded = Guarded::new(stream, &limits);
    let service = hyper::service::service_fn(|request| Box::pin(http::answer(&server, request, &peer)));
    let mut http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time())
        .max_buf_size(HYPER_BUFFER_BYTES)
        .keep_alive(true)
        .serve_connection(TokioIo::new(guarded), service);
    let ended = tokio::select! {
        ended = poll_fn(|ctx| http.poll_without_shutdown(ctx)) => ended,
        () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => {
            std::pin::Pin::new(&mut http).graceful_shutdown();
            poll_fn(|ctx| http.poll_without_shutdown(ctx)).await
        }
    };
    let guarded = http.into_parts().io.into_inner();
    let flaw = guarded.flaw();
    let mut stream = guarded.into_stream();
    match flaw {
        Some(flaw) => {
            server.metrics.refused_request();
            refuse(stream, &Refusal::plain(flaw.into())).await;
        }
        // A client that went away, or was too slow: there is nobody to tell.
        None if ended.is_err() => {}
        None => drop(stream.shutdown().await),
    }
}

/// Tells a client for which there is no place.
async fn turn_away(stream: TcpStream) {
    refuse(stream, &Refusal::plain(Why::Overload)).await;
}

/// Writes a refusal to a connection that hyper does not hold, and closes it so that the client can read it.
async fn refuse<IO: AsyncRead + AsyncWrite + Unpin>(mut stream: IO, refusal: &Refusal) {
    let answer = http::refusal_bytes(refusal);
    let told = async {
        stream.write_all(&answer).await?;
        stream.shutdown().await?;
        let (mut left, mut buffer) = (LINGER_BYTES_MAX, vec![0; 16 << 10]);
        while left > 0 {
            match stream.read(&mut buffer).await? {
                0 => break,
                read => left = left.saturating_sub(read),
            }
        }
        std::io::Result::Ok(())
    };
    // A client that does not wait for its answer has lost nothing.
    drop(tokio::time::timeout(LINGER, told).await);
}
