//! A unit's own message, changed here, as a message from here to the unit.

use super::acknowledgement::{Answer, is_enhanced, timestamp};
use super::client::{Client, Prepared, Unsent};
use super::settings::MllpSend;
use super::told::Told;
use crate::diag::codes;
use crate::format::er7::header;
use crate::format::er7::header::line_of_header;
use crate::store::{Class, Message, QueueFault};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Sends what waits in the outbox for one connection.
#[derive(Debug)]
pub struct Outgoing {
    prepared: Prepared,
    client: OnceLock<Client>,
    patience: Duration,
}

impl Outgoing {
    /// Reads the files of TLS; the connection is made when there is something to send.
    ///
    /// # Errors
    /// Which file of TLS cannot be used, and why.
    pub fn new(connection: &str, settings: &MllpSend) -> Result<Self, String> {
        let told = Arc::new(Told::new(connection));
        let prepared = Prepared::new(settings.clone(), told)?;
        // To connect, and to be answered.
        Ok(Self { prepared, client: OnceLock::new(), patience: 2 * settings.answer_time() })
    }

    /// Sends a message and tells how the receiver answered it.
    ///
    /// # Errors
    /// What became of it, and whether it is to be tried again.
    pub async fn send(&self, message: &Message) -> Result<String, QueueFault> {
        let fault = |class, code: &str| QueueFault { class, code: code.to_owned() };
        let body = message.body.as_deref().unwrap_or_default();
        let sent = outgoing(body, &format!("SO{}", message.number), message.received)
            .ok_or_else(|| fault(Class::Format, codes::ER7_NO_HEADER.id))?;
        // The messages ask for no application acknowledgement that comes apart.
        let client = self.client.get_or_init(|| self.prepared.clone().start().0);
        let Ok(answer) = tokio::time::timeout(self.patience, client.send(&sent)).await else {
            return Err(fault(Class::Transport, codes::MLLP_UNANSWERED.id));
        };
        match answer {
            Ok(Answer::Accepted) => Ok("accepted".to_owned()),
            Ok(Answer::Later(Some(_))) => Err(fault(Class::Transport, codes::TARGET_CONFLICT.id)),
            Ok(Answer::Later(None)) => Err(fault(Class::Conflict, codes::TARGET_CONFLICT.id)),
            Ok(Answer::Never(_)) => Err(fault(Class::Refused, codes::TARGET_REFUSED.id)),
            Err(Unsent::NoControlId | Unsent::NoAcknowledgement) => {
                Err(fault(Class::Format, codes::ER7_NO_HEADER.id))
            }
            Err(Unsent::Doubled | Unsent::Ended) => Err(fault(Class::Transport, codes::MLLP_UNREACHED.id)),
        }
    }
}

/// The message with a header of its own: sender and receiver change places, and it has its own control id and time. What
/// is sent again has the same ones, so that the receiver knows it. None where it has no header that can be read.
pub fn outgoing(message: &[u8], id: &str, moment: i64) -> Option<Vec<u8>> {
    let read = header(message).ok()?;
    let line = line_of_header(message)?;
    let text = message.get(line.clone())?;
    let mut fields: Vec<&[u8]> = text.split(|byte| *byte == read.separators.field).collect();
    let moment = timestamp(moment);
    // The name of the segment is the part 0, and MSH-2 the part 1: MSH-n is the part n - 1.
    let parts = if is_enhanced(&read) { 16 } else { 10 };
    if fields.len() < parts {
        fields.resize(parts, b"");
    }
    fields.swap(2, 4);
    fields.swap(3, 5);
    let mut set = |number: usize, value| {
        if let Some(field) = fields.get_mut(number - 1) {
            *field = value;
        }
    };
    set(7, moment.as_bytes());
    set(10, id.as_bytes());
    if is_enhanced(&read) {
        set(15, b"AL");
        set(16, b"NE");
    }
    let written = fields.join(&read.separators.field);
    Some([message.get(..line.start)?, &written, message.get(line.end..)?].concat())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

    use super::*;

    fn check(message: &str, expected: &str) {
        let sent = outgoing(message.as_bytes(), "O7", 784_111_777_123_000).unwrap();
        assert_eq!(String::from_utf8(sent).unwrap(), expected);
    }

    #[test]
    fn a_message_goes_back_to_its_sender_under_a_number_of_its_own() {
        check(
            "MSH|^~\\&|A|B|C|D|2026||PGL^PC6|1|P|2.5\rPID|1\r",
            "MSH|^~\\&|C|D|A|B|19941106084937+0000||PGL^PC6|O7|P|2.5\rPID|1\r",
        );
        check(
            "MSH|^~\\&|A|B|C|D|2026||PGL^PC6|1|P|2.5||||AL\rPID|1\r",
            "MSH|^~\\&|C|D|A|B|19941106084937+0000||PGL^PC6|O7|P|2.5|||AL|NE\rPID|1\r",
        );
        check("MSH|^~\\&|A\rPID", "MSH|^~\\&|||A||19941106084937+0000|||O7\rPID");
        assert!(outgoing(b"PID", "1", 0).is_none());
    }
}
