//! The simulator behind HTTP/1.1, with TLS and certificates of clients where they are asked for.

use super::{Reply, Simulator};
use crate::tls::{certificates, private_key, roots};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::server::WebPkiClientVerifier;

/// Bytes of one request.
const BODY_BYTES_MAX: usize = 16 << 20;
/// Connections at one time.
const CONNECTIONS_MAX: usize = 256;
/// Time to begin TLS and to send a request.
const READ_TIME: Duration = Duration::from_secs(30);

/// Certificates of the simulator.
#[derive(Debug, Clone)]
pub struct ServeTls {
    /// Its certificate in PEM, with its chain.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The roots of clients; with them a client without certificate is not let in.
    pub client_ca: Option<PathBuf>,
}

impl ServeTls {
    fn acceptor(&self) -> Result<TlsAcceptor, String> {
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            // A simulator has no lists of revoked certificates.
            Some(path) => {
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(path)?), provider);
                builder.with_client_cert_verifier(verifier.build().map_err(|error| error.to_string())?)
            }
        };
        let config = builder.with_single_cert(certificates(&self.certificate)?, private_key(&self.key)?);
        Ok(TlsAcceptor::from(Arc::new(config.map_err(|error| error.to_string())?)))
    }
}

/// Serves a simulator until `stop`.
///
/// # Errors
/// The certificates cannot be used.
pub async fn serve(
    listener: TcpListener,
    simulator: Arc<Mutex<Simulator>>,
    tls: Option<ServeTls>,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let wrong = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let acceptor = tls.map(|tls| tls.acceptor()).transpose().map_err(wrong)?;
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => return Ok(()),
            accepted = listener.accept() => accepted,
        };
        let (Ok((stream, _)), Ok(place)) = (accepted, Arc::clone(&places).acquire_owned().await) else {
            continue;
        };
        let (simulator, acceptor) = (Arc::clone(&simulator), acceptor.clone());
        tokio::spawn(async move {
            match acceptor {
                None => connection(stream, simulator).await,
                Some(acceptor) => {
                    let begun = tokio::time::timeout(READ_TIME, acceptor.accept(stream)).await;
                    if let Ok(Ok(stream)) = begun {
                        connection(stream, simulator).await;
                    }
                }
            }
            drop(place);
        });
    }
}

async fn connection<IO>(stream: IO, simulator: Arc<Mutex<Simulator>>)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let simulator = Arc::clone(&simulator);
        async move { answer(request, &simulator).await }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(hyper_util::rt::TokioTimer::new())
        .header_read_timeout(READ_TIME)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    // How a connection ends is for the client to tell.
    drop(served);
}

async fn answer(request: Request<Incoming>, simulator: &Mutex<Simulator>) -> io::Result<Response<Part>> {
    let (head, body) = request.into_parts();
    let reading = tokio::time::timeout(READ_TIME, Limited::new(body, BODY_BYTES_MAX).collect()).await;
    let body = reading.map_err(|_| closed())?.map_err(|_| closed())?.to_bytes().to_vec();
    let field = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let headers = head.headers.iter().map(field).collect();
    let target = head.uri.path_and_query().map_or("/", hyper::http::uri::PathAndQuery::as_str);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    let reply = {
        let mut simulator = simulator.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = simulator.seen(head.method.as_str(), target, headers, body);
        simulator.answer(&seen, now_ms)
    };
    given(reply).await
}

async fn given(reply: Reply) -> io::Result<Response<Part>> {
    if reply.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(reply.delay_ms)).await;
    }
    if reply.close {
        return Err(closed());
    }
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    response = response.header("content-length", reply.body.len());
    let body = Part { left: Some(Bytes::from(reply.body)), cut: reply.cut };
    response.body(body).map_err(|_| closed())
}

fn closed() -> io::Error {
    io::Error::from(io::ErrorKind::ConnectionAborted)
}

/// A body that may end too early.
struct Part {
    left: Option<Bytes>,
    cut: Option<usize>,
}

impl Body for Part {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let Some(bytes) = self.left.take() else {
            return Poll::Ready(self.cut.is_some().then(|| Err(closed())));
        };
        let end = self.cut.unwrap_or(bytes.len()).min(bytes.len());
        Poll::Ready(Some(Ok(Frame::data(bytes.slice(..end)))))
    }
}
