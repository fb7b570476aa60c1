//! What the client has sent and nobody has handled yet. It is bounded: a client that sends faster than it is served
//! waits. A request that is taken back while it waits is not handled any more.

use super::wire::{self, Id, Message};
use serde_json::Value;
use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;

/// Messages that wait.
pub(super) const WAITING_MAX: usize = 1_000;

/// What is to be done next.
#[derive(Debug)]
pub(super) enum Next {
    /// A message is to be handled.
    Message(Message),
    /// A request was taken back before it was handled.
    Cancelled(Id),
    /// The client is gone.
    End,
}

/// The messages that wait.
pub(super) struct Queue {
    from_client: Receiver<io::Result<Message>>,
    waiting: VecDeque<Next>,
    failure: Option<io::Error>,
    is_closed: bool,
}

impl Queue {
    /// Starts to read standard input.
    ///
    /// # Errors
    /// No thread can be started.
    pub(super) fn start() -> io::Result<Self> {
        let (to_server, from_client) = sync_channel(WAITING_MAX);
        thread::Builder::new().name("lsp-reader".to_owned()).spawn(move || {
            let mut input = io::stdin().lock();
            while let Some(message) = wire::read(&mut input).transpose() {
                let failed = message.is_err();
                if to_server.send(message).is_err() || failed {
                    return;
                }
            }
        })?;
        Ok(Self::of(from_client))
    }

    fn of(from_client: Receiver<io::Result<Message>>) -> Self {
        Self { from_client, waiting: VecDeque::new(), failure: None, is_closed: false }
    }

    /// True where nothing waits, so that there is time for what nobody asked for.
    pub(super) fn is_idle(&mut self) -> bool {
        self.drain();
        self.waiting.is_empty() && !self.is_closed
    }

    /// The next thing to do, for which this waits.
    ///
    /// # Errors
    /// Standard input fails, or there is no frame in it any more.
    pub(super) fn next(&mut self) -> io::Result<Next> {
        self.drain();
        if let Some(next) = self.waiting.pop_front() {
            return Ok(next);
        }
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        match self.from_client.recv() {
            Ok(Ok(message)) => {
                self.take(message);
                Ok(self.waiting.pop_front().unwrap_or(Next::End))
            }
            Ok(Err(failure)) => Err(failure),
            Err(_) => Ok(Next::End),
        }
    }

    /// Takes what has come, without waiting, so that what is taken back is seen before it is handled.
    fn drain(&mut self) {
        while self.waiting.len() < WAITING_MAX && self.failure.is_none() {
            match self.from_client.try_recv() {
                Ok(Ok(message)) => self.take(message),
                Ok(Err(failure)) => self.failure = Some(failure),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    self.is_closed = true;
                    return;
                }
            }
        }
    }

    fn take(&mut self, message: Message) {
        let Some(id) = taken_back(&message) else {
            self.waiting.push_back(Next::Message(message));
            return;
        };
        let is_it = |next: &&mut Next| matches!(next, Next::Message(Message::Request { id: waiting, .. }) if *waiting == id);
        if let Some(next) = self.waiting.iter_mut().find(is_it) {
            *next = Next::Cancelled(id);
        } else if self.waiting.is_empty() {
            // It was answered; the notice itself is nothing to do.
            self.waiting.push_back(Next::Message(message));
        }
    }
}

/// The request that a notice takes back.
fn taken_back(message: &Message) -> Option<Id> {
    match message {
        Message::Notice { method, params } if method == "$/cancelRequest" => {
            params.get("id").cloned().and_then(|id: Value| serde_json::from_value(id).ok())
        }
        Message::Notice { .. } | Message::Request { .. } | Message::Wrong(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_request_that_is_taken_back_is_not_handled() {
        let (to_server, from_client) = sync_channel(10);
        let request =
            |id| Message::Request { id: Id::Number(id), method: "m".to_owned(), params: Value::Null };
        let cancel =
            |id| Message::Notice { method: "$/cancelRequest".to_owned(), params: json!({ "id": id }) };
        for message in [request(1), request(2), cancel(1), cancel(7)] {
            assert!(to_server.send(Ok(message)).is_ok());
        }
        drop(to_server);
        let mut queue = Queue::of(from_client);
        assert!(!queue.is_idle());
        let mut said = Vec::new();
        while let Ok(next) = queue.next() {
            match next {
                Next::Cancelled(id) => said.push(format!("cancelled {id:?}")),
                Next::Message(Message::Request { id, .. }) => said.push(format!("{id:?}")),
                Next::Message(_) => said.push("other".to_owned()),
                Next::End => break,
            }
        }
        assert_eq!(said, ["cancelled Number(1)", "Number(2)"]);
    }
}
