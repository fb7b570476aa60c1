//! Acknowledgements of HL7 v2, chapter 2, section 2.9: written in the form of the version of the message that they
//! answer, and read.
//!
//! In original mode a message is answered once, AA, AE or AR. In enhanced mode, where MSH-15 or MSH-16 says when an answer
//! is wanted, it is answered CA, CE or CR when it is kept, and AA, AE or AR when it was applied. Nothing of the message
//! is repeated but what its header says of itself; a fault is told by code and place, never with a value.

use super::place::Place;
use crate::diag::{Code, Issue};
use crate::fhirpath::calendar::date_of;
use crate::format::er7::{Header, header};

/// How a message fared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It is kept, or applied.
    Accepted,
    /// Its content is at fault.
    Faulty(Fault),
    /// Its kind is not taken here: type, event, processing id or version.
    NotTaken(Fault),
    /// Not now: nothing is at fault with the message, and it will be taken later.
    NotNow(Fault),
}

/// What is wrong with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Our own code.
    pub code: &'static Code,
    /// The code of HL7.
    pub condition: Condition,
    /// Where.
    pub place: Option<Place>,
}

/// Message error conditions: HL7 table 0357.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Segments are missing, or in another order than they may have.
    SegmentSequence,
    /// A field that must be there is not.
    RequiredField,
    /// A value has another form than its type.
    DataType,
    /// MSH-9.1.
    MessageType,
    /// MSH-11.
    ProcessingId,
    /// The receiver failed.
    Internal,
}

impl Condition {
    const fn number(self) -> u16 {
        match self {
            Self::SegmentSequence => 100,
            Self::RequiredField => 101,
            Self::DataType => 102,
            Self::MessageType => 200,
            Self::ProcessingId => 202,
            Self::Internal => 207,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::SegmentSequence => "Segment sequence error",
            Self::RequiredField => "Required field missing",
            Self::DataType => "Data type error",
            Self::MessageType => "Unsupported message type",
            Self::ProcessingId => "Unsupported processing id",
            Self::Internal => "Application internal error",
        }
    }
}

/// Which of the two answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The message was kept, or not: CA, CE, CR.
    Accept,
    /// The message was applied, or not: AA, AE, AR. In original mode the one answer.
    Application,
}

/// When the sender wants an answer: HL7 table 0155.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Always,
    Never,
    OnError,
    OnSuccess,
}

impl Wanted {
    fn of(text: &str) -> Self {
        match text {
            "AL" => Self::Always,
            "ER" => Self::OnError,
            "SU" => Self::OnSuccess,
            _ => Self::Never,
        }
    }

    const fn is_of(self, accepted: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::OnError => !accepted,
            Self::OnSuccess => accepted,
        }
    }
}

/// True where the message says when it is to be answered (2.9.3).
pub fn is_enhanced(header: &Header) -> bool {
    !header.accept_acknowledgement.is_empty() || !header.application_acknowledgement.is_empty()
}

/// The stage at which a message is answered when it has been kept, or was not; none where the sender wants no answer.
pub fn stage_of_accept(header: &Header, judgement: &Judgement) -> Option<Stage> {
    if !is_enhanced(header) {
        return Some(Stage::Application);
    }
    let accepted = *judgement == Judgement::Accepted;
    Wanted::of(&header.accept_acknowledgement).is_of(accepted).then_some(Stage::Accept)
}

/// True where the sender wants to know how a message fared when it was applied.
pub fn wants_application(header: &Header, accepted: bool) -> bool {
    is_enhanced(header) && Wanted::of(&header.application_acknowledgement).is_of(accepted)
}

/// True where a sender of the message can learn that it was accepted.
pub(super) fn can_be_accepted(header: &Header) -> bool {
    let tells = |text: &str| Wanted::of(text).is_of(true);
    !is_enhanced(header)
        || tells(&header.accept_acknowledgement)
        || tells(&header.application_acknowledgement)
}

/// MSA-1: HL7 table 0008.
const fn word(stage: Stage, judgement: &Judgement) -> &'static str {
    match (stage, judgement) {
        (Stage::Application, Judgement::Accepted) => "AA",
        (Stage::Application, Judgement::Faulty(_)) => "AE",
        // 2.9.2: AR also where the receiver is down, so that the same message is taken later.
        (Stage::Application, Judgement::NotTaken(_) | Judgement::NotNow(_)) => "AR",
        (Stage::Accept, Judgement::Accepted) => "CA",
        // 2.9.3: CR is about the header alone; CE is any other reason.
        (Stage::Accept, Judgement::Faulty(_) | Judgement::NotNow(_)) => "CE",
        (Stage::Accept, Judgement::NotTaken(_)) => "CR",
    }
}

/// How the version of a message has its acknowledgement.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    /// 2.3: MSH-9 has no structure.
    V23,
    /// 2.3.1 and 2.4: ERR-1 has it all.
    V24,
    /// Since 2.5.
    V25,
}

impl Form {
    fn of(version: &str) -> Self {
        match version {
            "2.1" | "2.2" | "2.3" => Self::V23,
            "2.3.1" | "2.4" => Self::V24,
            _ => Self::V25,
        }
    }
}

/// An acknowledgement, without its frame.
///
/// `id` is its own control id, `moment` its time, in microseconds UTC. It has the separators and the version of the
/// message, and its bytes are in UTF-8 or, where the header of the message was not, in ISO 8859-1, so that MSA-2 is
/// MSH-10 byte for byte.
pub fn write(header: &Header, stage: Stage, judgement: &Judgement, id: &str, moment: i64) -> Vec<u8> {
    let form = Form::of(&header.version);
    let mut lines = vec![msh(header, form, id, moment), msa(header, form, stage, judgement)];
    match judgement {
        Judgement::Accepted => {}
        Judgement::Faulty(fault) | Judgement::NotTaken(fault) | Judgement::NotNow(fault) => {
            lines.push(err(header, form, fault));
        }
    }
    let mut text = lines.join("\r");
    text.push('\r');
    if header.is_utf8 {
        return text.into_bytes();
    }
    text.chars().map(|character| u8::try_from(u32::from(character)).unwrap_or(b'?')).collect()
}

fn msh(header: &Header, form: Form, id: &str, moment: i64) -> String {
    let component = char::from(header.separators.component);
    let kind = match (form, header.trigger.is_empty()) {
        (_, true) => "ACK".to_owned(),
        (Form::V23, false) => format!("ACK{component}{}", header.trigger),
        (Form::V24 | Form::V25, false) => format!("ACK{component}{}{component}ACK", header.trigger),
    };
    // Nobody acknowledges an acknowledgement.
    let wanted = if is_enhanced(header) { "NE" } else { "" };
    let signs = &header.encoding_characters;
    let signs = if signs.is_empty() { "^~\\&" } else { signs };
    let (sender, receiver) = (&header.receiver, &header.sender);
    let moment = timestamp(moment);
    let fields: [&str; 18] = [
        "MSH",
        signs,
        &sender.application,
        &sender.facility,
        &receiver.application,
        &receiver.facility,
        &moment,
        "",
        &kind,
        id,
        &header.processing_id,
        &header.version,
        "",
        "",
        wanted,
        wanted,
        "",
        &header.character_set,
    ];
    segment(header, &fields)
}

fn msa(header: &Header, form: Form, stage: Stage, judgement: &Judgement) -> String {
    let mut fields = vec!["MSA".to_owned(), word(stage, judgement).to_owned(), header.control_id.clone()];
    match judgement {
        // Since 2.5 the ERR segment says it.
        Judgement::Faulty(fault) | Judgement::NotTaken(fault) | Judgement::NotNow(fault)
            if form < Form::V25 =>
        {
            let told = escaped(header, &format!("{} {}", fault.code.id, fault.code.title));
            fields.extend([told, String::new(), String::new(), condition(header, fault)]);
        }
        Judgement::Accepted | Judgement::Faulty(_) | Judgement::NotTaken(_) | Judgement::NotNow(_) => {}
    }
    segment(header, &fields)
}

fn err(header: &Header, form: Form, fault: &Fault) -> String {
    let component = char::from(header.separators.component).to_string();
    let place = fault.place.as_ref();
    let number = |number: u32| if number == 0 { String::new() } else { number.to_string() };
    let place = place.map_or_else(Vec::new, |place| {
        vec![escaped(header, &place.segment), number(place.occurrence), number(place.field)]
    });
    if form < Form::V25 {
        let sub =
            header.separators.subcomponent.map_or_else(|| " ".to_owned(), |sub| char::from(sub).to_string());
        let code =
            [fault.condition.number().to_string(), fault.condition.text().to_owned(), "HL70357".to_owned()];
        let mut parts = place;
        parts.resize(3, String::new());
        parts.push(code.join(&sub));
        return segment(header, &["ERR".to_owned(), parts.join(&component)]);
    }
    let own = [fault.code.id.to_owned(), escaped(header, fault.code.title), "L".to_owned()].join(&component);
    let fields = [
        "ERR".to_owned(),
        String::new(),
        place.join(&component),
        condition(header, fault),
        "E".to_owned(),
        own,
        String::new(),
        escaped(header, fault.code.help),
    ];
    segment(header, &fields)
}

/// A coded element of table 0357.
fn condition(header: &Header, fault: &Fault) -> String {
    let component = char::from(header.separators.component).to_string();
    [fault.condition.number().to_string().as_str(), fault.condition.text(), "HL70357"].join(&component)
}

/// Fields with the separator between them; nothing in them ends the segment or the frame, and what is empty at the
/// end is left out.
fn segment(header: &Header, fields: &[impl AsRef<str>]) -> String {
    let separator = char::from(header.separators.field);
    let mut text = String::new();
    for (at, field) in fields.iter().enumerate() {
        if at > 0 {
            text.push(separator);
        }
        text.extend(field.as_ref().chars().filter(|character| !character.is_control()));
    }
    text.truncate(text.trim_end_matches(separator).len());
    text
}

/// A text of ours; where the sender's separators leave no way to write a sign, a blank stands for it.
fn escaped(header: &Header, text: &str) -> String {
    let signs = &header.separators;
    let special =
        [Some(signs.field), Some(signs.component), signs.repetition, signs.subcomponent, signs.escape];
    let letters = ['F', 'S', 'R', 'T', 'E'];
    let mut written = String::with_capacity(text.len());
    for character in text.chars() {
        let at = special.iter().position(|sign| sign.is_some_and(|sign| char::from(sign) == character));
        match (at.and_then(|at| letters.get(at)), signs.escape.map(char::from)) {
            (None, _) => written.push(character),
            (Some(letter), Some(escape)) => written.extend([escape, *letter, escape]),
            (Some(_), None) => written.push(' '),
        }
    }
    written
}

/// A moment as HL7 v2 has it, in UTC.
pub(super) fn timestamp(micros: i64) -> String {
    let seconds = micros.div_euclid(1_000_000);
    let (year, month, day) = date_of(seconds.div_euclid(86_400));
    let second = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}+0000")
}

/// What a receiver answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// AA or CA: it is the receiver's now.
    Accepted,
    /// The same message may be taken later: the receiver failed, or named nothing that stays wrong. HL7 table 0357.
    Later(Option<u16>),
    /// The receiver will never take it. HL7 table 0357.
    Never(Option<u16>),
}

/// An acknowledgement that was read.
#[derive(Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// MSA-2: the message that it answers.
    pub control_id: String,
    /// Kept, or applied.
    pub stage: Stage,
    /// What it says.
    pub answer: Answer,
}

impl std::fmt::Debug for Acknowledgement {
    /// Without the number of the message.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Acknowledgement")
            .field("stage", &self.stage)
            .field("answer", &self.answer)
            .finish_non_exhaustive()
    }
}

/// Reads an acknowledgement; none where the message is not one, or says nothing that table 0008 knows.
///
/// # Errors
/// The message has no header that can be read.
pub fn read(message: &[u8]) -> Result<Option<Acknowledgement>, Box<Issue>> {
    let header = header(message)?;
    let signs = &header.separators;
    let mut found = None;
    let mut condition = None;
    for line in message.split(|byte| matches!(byte, b'\r' | b'\n')) {
        let field = |number: usize| line.split(|byte| *byte == signs.field).nth(number).unwrap_or_default();
        let part = |number: usize, at: usize| field(number).split(|byte| *byte == signs.component).nth(at);
        match line.get(..3) {
            Some(b"MSA") if found.is_none() => {
                found = stated(field(1)).map(|stated| (stated, text(field(2))));
                condition = condition.or_else(|| code(part(6, 0)));
            }
            Some(b"ERR") => {
                let old =
                    part(1, 3).and_then(|part| part.split(|byte| Some(*byte) == signs.subcomponent).next());
                condition = condition.or_else(|| code(part(3, 0))).or_else(|| code(old));
            }
            _ => {}
        }
    }
    Ok(found.map(|((stage, word), control_id)| {
        let answer = match word {
            Word::Accepted => Answer::Accepted,
            Word::Error if condition.is_none_or(is_passing) => Answer::Later(condition),
            Word::Rejected if condition.is_some_and(is_passing) => Answer::Later(condition),
            Word::Error | Word::Rejected => Answer::Never(condition),
        };
        Acknowledgement { control_id, stage, answer }
    }))
}

#[derive(Clone, Copy)]
enum Word {
    Accepted,
    Error,
    Rejected,
}

fn stated(word: &[u8]) -> Option<(Stage, Word)> {
    match word {
        b"AA" => Some((Stage::Application, Word::Accepted)),
        b"AE" => Some((Stage::Application, Word::Error)),
        b"AR" => Some((Stage::Application, Word::Rejected)),
        b"CA" => Some((Stage::Accept, Word::Accepted)),
        b"CE" => Some((Stage::Accept, Word::Error)),
        b"CR" => Some((Stage::Accept, Word::Rejected)),
        _ => None,
    }
}

/// True where the condition may be gone later: a record that is locked, a receiver that failed.
const fn is_passing(condition: u16) -> bool {
    matches!(condition, 206 | 207)
}

fn code(text: Option<&[u8]>) -> Option<u16> {
    std::str::from_utf8(text?).ok()?.trim().parse().ok()
}

/// As the header reads its texts.
fn text(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes)
        .map_or_else(|_| bytes.iter().map(|byte| char::from(*byte)).collect(), ToOwned::to_owned)
}

#[cfg(test)]
mod tests;
