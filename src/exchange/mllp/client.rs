//! Sends messages over one connection, and tells what each was answered.
//!
//! A message that was not acknowledged is sent again, byte for byte, so under the same control id, until it is answered
//! or nobody waits for it any more. All that were not acknowledged are sent again in their order when a connection
//! begins anew, so that a receiver that knows them by their ids has each once and in order. An acknowledgement counts for
//! the message whose control id it names, and for no other.

use super::acknowledgement::{Acknowledgement, Answer, Stage, can_be_accepted, is_enhanced, read};
use super::frame::{FrameLimits, Framer, Piece, frame};
use super::settings::MllpSend;
use super::told::Told;
use crate::diag::{Code, codes};
use crate::format::er7::header;
use crate::tls::TlsClient;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

/// Bytes of an acknowledgement.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Bytes that are read at once.
const READ_BYTES: usize = 16 << 10;
/// Application acknowledgements that nobody has taken yet; more are told and let go.
const APPLICATIONS_MAX: usize = 1_000;
/// Messages whose application acknowledgement may still come.
const EXPECTED_MAX: usize = 1_000;

/// Why a message was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsent {
    /// It has no header that can be read, or no control id (MSH-10).
    #[error("the message has no control id")]
    NoControlId,
    /// Its MSH-15 and MSH-16 ask for no answer that says that it was accepted.
    #[error("the message asks for no acknowledgement")]
    NoAcknowledgement,
    /// A message of this control id waits for its acknowledgement.
    #[error("a message of this control id is on its way")]
    Doubled,
    /// The client has ended.
    #[error("the client has ended")]
    Ended,
}

/// An application acknowledgement of enhanced mode, which came after the message was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// MSH-10 of the message.
    pub control_id: String,
    /// What became of it.
    pub answer: Answer,
}

/// A connection to one receiver; what it does ends when it is dropped.
#[derive(Debug)]
pub struct Client {
    calls: mpsc::Sender<Call>,
}

/// A message and who waits for its answer.
struct Call {
    control_id: String,
    framed: Vec<u8>,
    /// Its application acknowledgement comes apart.
    comes_twice: bool,
    answer: oneshot::Sender<Result<Answer, Unsent>>,
}

/// A client whose settings have been read.
#[derive(Debug, Clone)]
pub struct Prepared {
    settings: MllpSend,
    tls: Option<TlsClient>,
    told: Arc<Told>,
}

impl Prepared {
    /// Reads the files of TLS.
    ///
    /// # Errors
    /// Which file cannot be used, and why.
    pub fn new(settings: MllpSend, told: Arc<Told>) -> Result<Self, String> {
        let tls = settings.tls.as_ref().map(|table| TlsClient::of(table, settings.host())).transpose()?;
        Ok(Self { settings, tls, told })
    }

    /// Begins, inside of a runtime; the connection is made when there is something to send. Application acknowledgements
    /// that come after an accept acknowledgement are given to the second part.
    pub fn start(self) -> (Client, mpsc::Receiver<Application>) {
        let Self { settings, tls, told } = self;
        let (calls, asked) = mpsc::channel(settings.window.max(1));
        let (applications, given) = mpsc::channel(APPLICATIONS_MAX);
        let sender = Sender {
            settings,
            tls,
            told,
            asked,
            applications,
            waiting: VecDeque::new(),
            sent: 0,
            expected: VecDeque::new(),
            pauses: 0,
        };
        tokio::spawn(sender.run());
        (Client { calls }, given)
    }
}

impl Client {
    /// [`Prepared::new`] and [`Prepared::start`].
    ///
    /// # Errors
    /// As [`Prepared::new`].
    pub fn start(settings: MllpSend, told: Arc<Told>) -> Result<(Self, mpsc::Receiver<Application>), String> {
        Prepared::new(settings, told).map(Prepared::start)
    }

    /// Sends a message and waits for its answer, as long as it takes. Messages are sent in the order of the calls; as many
    /// are on their way at one time as the window has, so messages of one client are not sent before the one before
    /// was answered, where the order matters even if the receiver refuses one.
    ///
    /// # Errors
    /// See [`Unsent`].
    pub async fn send(&self, message: &[u8]) -> Result<Answer, Unsent> {
        let header = header(message).map_err(|_| Unsent::NoControlId)?;
        if header.control_id.is_empty() {
            return Err(Unsent::NoControlId);
        }
        if !can_be_accepted(&header) {
            return Err(Unsent::NoAcknowledgement);
        }
        let comes_twice = is_enhanced(&header)
            && !header.accept_acknowledgement.is_empty()
            && !matches!(header.application_acknowledgement.as_str(), "" | "NE");
        let (answer, given) = oneshot::channel();
        let call = Call { control_id: header.control_id, framed: frame(message), comes_twice, answer };
        self.calls.send(call).await.map_err(|_| Unsent::Ended)?;
        given.await.unwrap_or(Err(Unsent::Ended))
    }
}

/// What holds the connection.
struct Sender {
    settings: MllpSend,
    tls: Option<TlsClient>,
    told: Arc<Told>,
    asked: mpsc::Receiver<Call>,
    applications: mpsc::Sender<Application>,
    /// Messages without an answer, in their order.
    waiting: VecDeque<Call>,
    /// How many of them were sent over the connection of now.
    sent: usize,
    /// Messages that were accepted, and whose application acknowledgement may come.
    expected: VecDeque<String>,
    /// Connections that failed since the last answer.
    pauses: u32,
}

/// Why a connection ended.
enum End {
    /// Nobody will send any more.
    Done,
    /// It is to be made anew, and this is told.
    Failed(&'static Code),
    /// The receiver ended it while nothing was on its way.
    Quiet,
}

impl Sender {
    async fn run(mut self) {
        loop {
            if self.waiting.is_empty() {
                match self.asked.recv().await {
                    Some(call) => self.take(call),
                    None => return,
                }
            }
            let end = match self.connect().await {
                Ok(Stream::Plain(stream)) => self.exchange(stream).await,
                Ok(Stream::Tls(stream)) => self.exchange(stream).await,
                Err(code) => End::Failed(code),
            };
            self.sent = 0;
            // Nobody waits for these any more.
            self.waiting.retain(|call| !call.answer.is_closed());
            match end {
                End::Done => return,
                End::Quiet => {}
                End::Failed(code) => {
                    self.told.tell(code);
                    tokio::time::sleep(self.pause()).await;
                }
            }
        }
    }

    /// Twice as long after each failure, up to the longest; a part of it is chance, so that senders that were cut off
    /// together do not come back together.
    fn pause(&mut self) -> Duration {
        let longest = self.settings.pause_ms_max;
        let whole = self.settings.pause_ms_first.saturating_mul(1 << self.pauses.min(30)).min(longest);
        self.pauses = self.pauses.saturating_add(1);
        let mut random = [0; 8];
        // Without random bytes all of it counts.
        let chance = getrandom::fill(&mut random).map_or(0, |()| u64::from_le_bytes(random));
        Duration::from_millis(whole - chance % (whole / 2 + 1))
    }

    async fn connect(&self) -> Result<Stream, &'static Code> {
        let connected = async {
            let stream = TcpStream::connect(&self.settings.address).await?;
            stream.set_nodelay(true)?;
            match &self.tls {
                None => Ok(Stream::Plain(stream)),
                Some(tls) => tls.connect(stream).await.map(|stream| Stream::Tls(Box::new(stream))),
            }
        };
        match timeout(self.settings.answer_time(), connected).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(_)) | Err(_) => Err(codes::MLLP_UNREACHED),
        }
    }

    fn take(&mut self, call: Call) {
        match self.waiting.iter_mut().find(|other| other.control_id == call.control_id) {
            None => self.waiting.push_back(call),
            // The one before gave up waiting; the message is on its way.
            Some(other) if other.answer.is_closed() && other.framed == call.framed => {
                other.answer = call.answer
            }
            Some(_) => drop(call.answer.send(Err(Unsent::Doubled)).is_ok()),
        }
    }

    /// Sends and reads until the connection ends.
    async fn exchange<IO: AsyncRead + AsyncWrite + Unpin>(&mut self, mut stream: IO) -> End {
        let limits = FrameLimits { frame_bytes_max: ANSWER_BYTES_MAX, ..FrameLimits::default() };
        let (mut framer, mut chunk) = (Framer::new(limits), vec![0; READ_BYTES]);
        // From the moment when the oldest of those on their way was sent, or another answer came.
        let mut due = Instant::now();
        let window = self.settings.window.max(1);
        loop {
            if self.sent < self.waiting.len().min(window) {
                if self.sent == 0 {
                    due = Instant::now() + self.settings.answer_time();
                }
                if let Err(code) = self.write(&mut stream, window).await {
                    return End::Failed(code);
                }
            }
            tokio::select! {
                call = self.asked.recv(), if self.waiting.len() < window => match call {
                    Some(call) => self.take_all(call, window),
                    // Whoever asked for what waits has gone too.
                    None => return End::Done,
                },
                read = stream.read(&mut chunk) => match read {
                    Ok(0) | Err(_) if self.sent == 0 => return End::Quiet,
                    Ok(0) | Err(_) => return End::Failed(codes::MLLP_UNANSWERED),
                    Ok(read) => {
                        framer.push(chunk.get(..read).unwrap_or_default());
                        match self.answers(&mut framer) {
                            Ok(true) => due = Instant::now() + self.settings.answer_time(),
                            Ok(false) => {}
                            Err(code) => return End::Failed(code),
                        }
                    }
                },
                () = sleep_until(due), if self.sent > 0 => return End::Failed(codes::MLLP_UNANSWERED),
            }
        }
    }

    /// All that is asked for already, up to the window, so that it goes out together.
    fn take_all(&mut self, call: Call, window: usize) {
        self.take(call);
        while self.waiting.len() < window
            && let Ok(call) = self.asked.try_recv()
        {
            self.take(call);
        }
    }

    /// Sends what has not been sent, up to the window.
    async fn write<IO: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut IO,
        window: usize,
    ) -> Result<(), &'static Code> {
        let fresh = self.waiting.iter().take(window).skip(self.sent);
        let bytes: Vec<u8> = fresh.flat_map(|call| call.framed.iter().copied()).collect();
        self.sent = self.waiting.len().min(window);
        let written = timeout(self.settings.answer_time(), async {
            stream.write_all(&bytes).await?;
            stream.flush().await
        });
        if let Ok(Ok(())) = written.await { Ok(()) } else { Err(codes::MLLP_UNANSWERED) }
    }

    /// Uses what has come; true where it answered a message.
    fn answers(&mut self, framer: &mut Framer) -> Result<bool, &'static Code> {
        let mut answered = false;
        loop {
            match framer.piece() {
                Ok(Some(Piece::Frame(message))) => match read(message) {
                    Ok(Some(acknowledgement)) => answered |= self.answer(acknowledgement),
                    Ok(None) | Err(_) => self.told.tell(codes::MLLP_STRAY_ANSWER),
                },
                Ok(Some(Piece::Stray(_))) => self.told.tell(codes::MLLP_STRAY),
                Ok(Some(Piece::Broken(_))) => self.told.tell(codes::MLLP_BROKEN),
                Ok(None) => return Ok(answered),
                Err(_) => return Err(codes::MLLP_NO_FRAME),
            }
        }
    }

    /// Gives an answer to who waits for it; false where nobody does.
    fn answer(&mut self, read: Acknowledgement) -> bool {
        let Acknowledgement { control_id, stage, answer } = read;
        let at = self.waiting.iter().take(self.sent).position(|call| call.control_id == control_id);
        if let Some(call) = at.and_then(|at| self.waiting.remove(at)) {
            self.sent -= 1;
            self.pauses = 0;
            if answer == Answer::Accepted {
                self.told.accepted();
            }
            if stage == Stage::Accept && call.comes_twice {
                self.expected.truncate(EXPECTED_MAX - 1);
                self.expected.push_front(control_id);
            }
            call.answer.send(Ok(answer)).ok();
            return true;
        }
        let expected = (stage == Stage::Application)
            .then(|| self.expected.iter().position(|expected| *expected == control_id))
            .flatten();
        let given = expected
            .and_then(|at| self.expected.remove(at))
            .is_some_and(|control_id| self.applications.try_send(Application { control_id, answer }).is_ok());
        if !given {
            self.told.tell(codes::MLLP_STRAY_ANSWER);
        }
        false
    }
}

/// A connection with TLS or without.
enum Stream {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}
