//! What is told of a message before it is kept: whether it is taken here at all, its key, and whom it is about.

use super::acknowledgement::{Condition, Fault, Judgement};
use super::place::Place;
use super::settings::MllpListen;
use crate::diag::{Code, Issue, codes};
use crate::exchange::inbox::{LaneKey, content_key, key_of};
use crate::format::er7::{self, Header, Separators, header};
use crate::mapping::units::schema;
use crate::plan::identity::{HETU_SYSTEM, Hetu};

/// A message and what is to become of it.
pub(super) struct Judged {
    /// Its header; that of an empty message where it has none.
    pub(super) header: Header,
    /// Its key.
    pub(super) key: String,
    /// Whom it is about.
    pub(super) client: Option<LaneKey>,
    /// What it is answered, if it can be kept.
    pub(super) judgement: Judgement,
    /// Why it is kept as one that cannot be read.
    pub(super) unreadable: Option<&'static Code>,
}

/// What becomes of a message.
pub(super) enum Fate {
    /// It is kept, readable or not.
    Keep,
    /// It is answered and not kept: the connection does not take its kind.
    TurnAway(&'static Code),
    /// It is not even answered: nobody acknowledges an acknowledgement.
    Pass,
}

impl Judged {
    /// Reads what the answer depends on.
    pub(super) fn of(message: &[u8], settings: &MllpListen) -> (Self, Fate) {
        match header(message) {
            Err(issue) => {
                let fault = Fault { code: issue.code, condition: Condition::SegmentSequence, place: None };
                (Self::unreadable(message, Header::default(), fault), Fate::Keep)
            }
            Ok(header) if matches!(header.code.as_str(), "ACK" | "MCF") => {
                (Self::readable(message, header), Fate::Pass)
            }
            Ok(header) => Self::by_kind(message, header, settings),
        }
    }

    /// The same once the whole message has been read.
    fn whole(message: &[u8], header: Header) -> Self {
        let at = |text: &[u8], issue: &Issue| {
            let offset = usize::try_from(issue.span.start).unwrap_or(usize::MAX);
            Place::of(text, offset, &header.separators)
        };
        let fault = match er7::decode(message, None) {
            Err(issue) => Some((issue.code, Condition::DataType, at(message, &issue))),
            Ok((text, _)) => er7::read(&text, schema().names())
                .err()
                .map(|issue| (issue.code, Condition::SegmentSequence, at(text.as_bytes(), &issue))),
        };
        match fault {
            None => Self::readable(message, header),
            Some((code, condition, place)) => {
                Self::unreadable(message, header, Fault { code, condition, place })
            }
        }
    }

    fn by_kind(message: &[u8], header: Header, settings: &MllpListen) -> (Self, Fate) {
        let is_named = |names: &[String], name: &str| names.iter().any(|known| known == name);
        let is_type = settings.messages.is_empty() || is_named(&settings.messages, &header.code);
        let is_meant =
            header.processing_id.is_empty() || is_named(&settings.processing_ids, &header.processing_id);
        let turned_away = match (is_type, is_meant) {
            (true, true) => None,
            (false, _) => Some((codes::MLLP_TYPE, Condition::MessageType, Place::msh(9))),
            (true, false) => Some((codes::MLLP_PROCESSING, Condition::ProcessingId, Place::msh(11))),
        };
        match turned_away {
            None => (Self::whole(message, header), Fate::Keep),
            Some((code, condition, place)) => {
                let fault = Fault { code, condition, place: Some(place) };
                let judged = Self::readable(message, header);
                (Self { judgement: Judgement::NotTaken(fault), ..judged }, Fate::TurnAway(code))
            }
        }
    }

    fn readable(message: &[u8], header: Header) -> Self {
        let client = client(message, &header);
        Self { key: key(message, &header), client, header, judgement: Judgement::Accepted, unreadable: None }
    }

    fn unreadable(message: &[u8], header: Header, fault: Fault) -> Self {
        Self {
            key: key(message, &header),
            client: None,
            header,
            unreadable: Some(fault.code),
            judgement: Judgement::Faulty(fault),
        }
    }
}

/// MSH-10 with MSH-7 and the sender; of what has no MSH-10, its content.
fn key(message: &[u8], header: &Header) -> String {
    if header.control_id.is_empty() {
        return content_key(message);
    }
    key_of(&[&header.control_id, &header.sent, &header.sender.application, &header.sender.facility])
}

/// The lane of whom PID-3 names: by a personal identity code where there is one, else by the first number with who
/// assigned it. Whoever is known by neither is in the lane of the connection.
fn client(message: &[u8], header: &Header) -> Option<LaneKey> {
    let signs = &header.separators;
    let pid = message
        .split(|byte| matches!(byte, b'\r' | b'\n'))
        .find(|line| line.strip_prefix(b"PID").is_some_and(|rest| rest.first() == Some(&signs.field)))?;
    let numbers = pid.split(|byte| *byte == signs.field).nth(3)?;
    let mut first = None;
    for number in numbers.split(|byte| Some(*byte) == signs.repetition) {
        let part = |at: usize| {
            let part = number.split(|byte| *byte == signs.component).nth(at).unwrap_or_default();
            String::from_utf8_lossy(part)
        };
        let value = part(0);
        if Hetu::parse(value.trim()).is_ok() {
            return Some(LaneKey::of(HETU_SYSTEM, &value));
        }
        if first.is_none() && !value.trim().is_empty() {
            first = Some(LaneKey::of(&assigner(&part(3), signs), &value));
        }
    }
    first
}

/// Who assigned a number, as the lens of v2 writes it: by its OID where it has one.
fn assigner(authority: &str, signs: &Separators) -> String {
    let mut parts = authority.split(|sign| Some(sign) == signs.subcomponent.map(char::from));
    let name = parts.next().unwrap_or_default();
    parts.next().filter(|oid| !oid.is_empty()).map_or_else(|| name.to_owned(), |oid| format!("urn:oid:{oid}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

    use super::*;

    fn check(rest: &str, expected: Option<LaneKey>) {
        let message = format!("MSH|^~\\&|A|B|C|D|2026||PGL^PC6|1|P|2.5\r{rest}\r");
        let header = header(message.as_bytes()).unwrap();
        assert!(client(message.as_bytes(), &header) == expected, "{rest}");
    }

    #[test]
    fn a_client_is_known_by_code_or_by_number() {
        let by_code = Some(LaneKey::of(HETU_SYSTEM, "131052-308T"));
        check("PID|1||131052-308T^^^HETU", by_code);
        check("PID|1||77^^^UNIT~131052-308T", by_code);
        check("PID|1||77^^^UNIT^MR", Some(LaneKey::of("UNIT", "77")));
        check("PID|1||77^^^UNIT&1.2.3&ISO^MR", Some(LaneKey::of("urn:oid:1.2.3", "77")));
        check("PID|1||131052-308X^^^HETU", Some(LaneKey::of("HETU", "131052-308X")));
        check("PID|1||^^^UNIT", None);
        check("PID|1", None);
        check("PIDX|1||77", None);
    }

    #[test]
    fn the_key_is_of_the_sender() {
        let key_of = |sender: &str, id: &str| {
            let message = format!("MSH|^~\\&|{sender}|B|C|D|2026||PGL^PC6|{id}|P|2.5\rPID");
            key(message.as_bytes(), &header(message.as_bytes()).unwrap())
        };
        assert_eq!(key_of("A", "1"), "1|2026|A|B");
        assert_ne!(key_of("A", "1"), key_of("X", "1"));
        assert!(key_of("A", "").starts_with("sha256:"));
    }
}
