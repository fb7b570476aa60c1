//! One sender: reads its messages, has them kept, and answers each in the order in which they came.
//!
//! Messages that came together are kept together, so that a window of them costs one commit. Where one cannot be kept
//! now, the connection ends behind the answers: whatever else was on its way comes again in its order, and no message
//! of a client overtakes an earlier one.

use super::acknowledgement::{self, Condition, Fault, Judgement, Stage, stage_of_accept, wants_application};
use super::frame::{Flaw, Framer, Piece, frame};
use super::judge::{Fate, Judged};
use super::server::{Listening, ROOM_BYTES};
use crate::diag::{Code, codes};
use crate::exchange::inbox::{Accept, Outcome, Receipt, Received, Refused};
use crate::format::er7::{Header, header};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until, timeout};

/// Bytes that are read at once.
const READ_BYTES: usize = 16 << 10;
/// What each connection may hold without asking for room.
const FREE_BYTES: usize = 64 << 10;
/// Messages that are kept together.
const BATCH_MAX: usize = 64;
/// Messages of one connection whose application acknowledgement is owed; of more none is sent.
const OWED_MAX: usize = 1_000;
/// How often it is asked whether they were applied.
const OWED_PAUSE: Duration = Duration::from_millis(200);
/// How long the rest of a refused stream is read, so that the answer is not lost to a reset.
const LINGER: Duration = Duration::from_secs(1);
/// Bytes of it that are read.
const LINGER_BYTES_MAX: usize = 4 << 20;

/// Why a connection ends early; none where the sender ended it, or nothing is at fault.
type End = Option<&'static Code>;

/// A connection and what is known of it.
pub(super) struct Connection<'a, IO, A> {
    stream: IO,
    listening: &'a Listening<A>,
    stopped: watch::Receiver<bool>,
    framer: Framer,
    chunk: Vec<u8>,
    /// Room for what is held over [`FREE_BYTES`].
    room: Option<OwnedSemaphorePermit>,
    /// When the message began that is not whole yet, or the last one ended.
    since: Instant,
    /// Messages that were kept and whose sender wants to know when they are applied.
    owed: VecDeque<(i64, Header)>,
}

/// A message on its way to its answer.
struct Waiting {
    judged: Judged,
    fate: Fate,
    bytes: Arc<[u8]>,
}

impl<'a, IO, A> Connection<'a, IO, A>
where
    IO: AsyncRead + AsyncWrite + Unpin,
    A: Accept,
{
    pub(super) fn new(stream: IO, listening: &'a Listening<A>, stopped: watch::Receiver<bool>) -> Self {
        Self {
            stream,
            listening,
            stopped,
            framer: Framer::new(listening.settings.limits.frames()),
            chunk: vec![0; READ_BYTES],
            room: None,
            since: Instant::now(),
            owed: VecDeque::new(),
        }
    }

    /// From the first byte to the end of the connection.
    ///
    /// # Errors
    /// Why we ended it.
    pub(super) async fn run(mut self) -> Result<(), &'static Code> {
        let end = self.serve().await;
        self.close().await;
        end.map_or(Ok(()), Err)
    }

    async fn serve(&mut self) -> End {
        loop {
            let (messages, flaw) = self.part();
            if !messages.is_empty() {
                let end = self.answer(messages).await;
                if end.is_err() {
                    return end.err().flatten();
                }
                continue;
            }
            if let Some(flaw) = flaw {
                return self.refuse(flaw).await;
            }
            if let Err(end) = self.wait().await {
                return end;
            }
        }
    }

    /// Messages that have come in whole.
    fn part(&mut self) -> (Vec<Waiting>, Option<Flaw>) {
        let (mut messages, told) = (Vec::new(), &self.listening.told);
        let was_inside = self.framer.is_inside();
        let mut flaw = None;
        while messages.len() < BATCH_MAX {
            match self.framer.piece() {
                Ok(Some(Piece::Frame(message))) => {
                    let (judged, fate) = Judged::of(message, &self.listening.settings);
                    messages.push(Waiting { judged, fate, bytes: message.into() });
                }
                Ok(Some(Piece::Stray(_))) => told.tell(codes::MLLP_STRAY),
                Ok(Some(Piece::Broken(_))) => told.tell(codes::MLLP_BROKEN),
                Ok(None) => break,
                Err(found) => {
                    flaw = Some(found);
                    break;
                }
            }
        }
        if !messages.is_empty() || !was_inside {
            self.since = Instant::now();
        }
        if self.framer.held() <= FREE_BYTES {
            self.room = None;
        }
        (messages, flaw)
    }

    /// Keeps messages and answers them.
    async fn answer(&mut self, messages: Vec<Waiting>) -> Result<(), End> {
        let moment = now();
        let connection = self.listening.told.connection();
        let kept = messages.iter().filter(|message| matches!(message.fate, Fate::Keep));
        let received = kept.map(|message| Received {
            connection: connection.to_owned(),
            key: message.judged.key.clone(),
            client: message.judged.client,
            unit: self.listening.unit,
            bytes: Arc::clone(&message.bytes),
            received: moment,
            unreadable: message.judged.unreadable,
        });
        let received: Vec<Received> = received.collect();
        let mut receipts =
            if received.is_empty() { Vec::new() } else { self.listening.inbox.accept_all(received).await }
                .into_iter();
        let (mut answers, mut cannot) = (Vec::new(), false);
        for Waiting { judged, fate, .. } in messages {
            let receipt = match fate {
                Fate::Keep => receipts.next().unwrap_or(Err(Refused::Failed)),
                Fate::TurnAway(code) => {
                    self.listening.told.tell(code);
                    Ok(Receipt { number: 0, is_new: true })
                }
                Fate::Pass => continue,
            };
            cannot |= matches!(receipt, Err(Refused::Busy | Refused::Failed | Refused::UnknownConnection));
            answers.extend(self.answer_one(judged, receipt, moment));
        }
        self.write(&answers).await?;
        if cannot { Err(Some(codes::MLLP_NOT_KEPT)) } else { Ok(()) }
    }

    /// The answer to one message, in its frame; nothing where its sender wants none.
    fn answer_one(&mut self, judged: Judged, receipt: Result<Receipt, Refused>, moment: i64) -> Vec<u8> {
        let Judged { header, judgement, .. } = judged;
        let (judgement, id) = match receipt {
            // A message that comes again gets the answer with the number of the first one.
            Ok(Receipt { number, .. }) if number > 0 => (judgement, format!("S{number}")),
            Ok(_) => (judgement, format!("S0-{moment}")),
            Err(refused) => (not_kept(refused), format!("S0-{moment}")),
        };
        if judgement == Judgement::Accepted {
            self.listening.told.accepted();
            if let Ok(Receipt { number, .. }) = receipt
                && [true, false].iter().any(|accepted| wants_application(&header, *accepted))
                && self.owed.len() < OWED_MAX
            {
                self.owed.push_back((number, header.clone()));
            }
        }
        let stage = stage_of_accept(&header, &judgement);
        stage.map_or_else(Vec::new, |stage| {
            frame(&acknowledgement::write(&header, stage, &judgement, &id, moment))
        })
    }

    /// Tells of messages that were applied, or never will be.
    async fn tell_applied(&mut self) -> Result<(), End> {
        let mut answers = Vec::new();
        for _ in 0..self.owed.len() {
            let Some((number, header)) = self.owed.pop_front() else { break };
            let judgement = match self.listening.inbox.outcome(number).await {
                None => {
                    self.owed.push_back((number, header));
                    continue;
                }
                Some(Outcome::Applied) => Judgement::Accepted,
                Some(Outcome::Dead(code)) => {
                    Judgement::Faulty(Fault { code, condition: Condition::DataType, place: None })
                }
            };
            if wants_application(&header, judgement == Judgement::Accepted) {
                let id = format!("A{number}");
                answers.extend(frame(&acknowledgement::write(
                    &header,
                    Stage::Application,
                    &judgement,
                    &id,
                    now(),
                )));
            }
        }
        self.write(&answers).await
    }

    /// Waits until more has come, or an acknowledgement may be owed.
    async fn wait(&mut self) -> Result<(), End> {
        let limits = &self.listening.settings.limits;
        let inside = self.framer.is_inside();
        let seconds = if inside { limits.frame_seconds } else { limits.idle_seconds };
        let until = self.since + Duration::from_secs(seconds);
        tokio::select! {
            read = self.stream.read(&mut self.chunk) => match read {
                Ok(0) | Err(_) => return Err(None),
                Ok(read) => self.framer.push(self.chunk.get(..read).unwrap_or_default()),
            },
            () = sleep_until(until) => return Err(inside.then_some(codes::MLLP_SLOW)),
            () = async { drop(self.stopped.wait_for(|stopped| *stopped).await) }, if !inside => return Err(None),
            () = tokio::time::sleep(OWED_PAUSE), if !self.owed.is_empty() => return self.tell_applied().await,
        }
        self.make_room()
    }

    /// Takes room of what all connections share, where this one holds much.
    fn make_room(&mut self) -> Result<(), End> {
        let held = self.framer.held();
        let has = self.room.as_ref().map_or(0, |room| room.num_permits() * ROOM_BYTES);
        if held <= FREE_BYTES || held <= has {
            return Ok(());
        }
        let more = u32::try_from((held - has).max(FREE_BYTES) / ROOM_BYTES + 1).unwrap_or(u32::MAX);
        let Ok(permit) = Arc::clone(&self.listening.room).try_acquire_many_owned(more) else {
            return Err(Some(codes::MLLP_NOT_KEPT));
        };
        match &mut self.room {
            Some(room) => room.merge(permit),
            None => self.room = Some(permit),
        }
        Ok(())
    }

    /// Answers what is over a limit, where its header tells whom, and ends the connection.
    async fn refuse(&mut self, flaw: Flaw) -> End {
        let code = match flaw {
            Flaw::NotMllp => return Some(codes::MLLP_NO_FRAME),
            Flaw::TooLong => codes::MLLP_TOO_LONG,
        };
        if let Ok(header) = header(self.framer.begun()) {
            let judgement = Judgement::Faulty(Fault { code, condition: Condition::DataType, place: None });
            if let Some(stage) = stage_of_accept(&header, &judgement) {
                let moment = now();
                let id = format!("S0-{moment}");
                let answer = frame(&acknowledgement::write(&header, stage, &judgement, &id, moment));
                self.write(&answer).await.ok();
            }
        }
        Some(code)
    }

    async fn write(&mut self, answers: &[u8]) -> Result<(), End> {
        if answers.is_empty() {
            return Ok(());
        }
        let stall = Duration::from_secs(self.listening.settings.limits.stall_seconds);
        let written = timeout(stall, async {
            self.stream.write_all(answers).await?;
            self.stream.flush().await
        });
        // A sender that is not there for its answer sends again.
        if let Ok(Ok(())) = written.await { Ok(()) } else { Err(None) }
    }

    /// Ends the connection so that the last answer can be read.
    async fn close(&mut self) {
        let ended = async {
            self.stream.shutdown().await?;
            let mut left = LINGER_BYTES_MAX;
            while left > 0 {
                match self.stream.read(&mut self.chunk).await? {
                    0 => break,
                    read => left = left.saturating_sub(read),
                }
            }
            std::io::Result::Ok(())
        };
        drop(timeout(LINGER, ended).await);
    }
}

/// What a message is answered that the inbox did not take.
fn not_kept(refused: Refused) -> Judgement {
    match refused {
        Refused::TooLong => {
            let fault = Fault { code: codes::MLLP_TOO_LONG, condition: Condition::DataType, place: None };
            Judgement::Faulty(fault)
        }
        Refused::Busy | Refused::UnknownConnection | Refused::Failed => {
            let fault = Fault { code: codes::MLLP_NOT_KEPT, condition: Condition::Internal, place: None };
            Judgement::NotNow(fault)
        }
    }
}

/// Microseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
