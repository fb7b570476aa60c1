//! Which texts a FHIR primitive may hold, as expressions: what `Primitive::accepts` says.

use super::expr::Expr;
use crate::mapping::program::Primitive;

/// What is known of a text before it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Some text that says something.
    Text,
    /// Perhaps nothing, or white space.
    Rest,
    /// A FHIR date: a day of the calendar, a month or a year.
    Day,
    /// A FHIR dateTime with seconds and a zone.
    Moment,
    /// One of the two.
    Temporal,
    /// What stands in an integer or decimal, in the first case or with no exponent.
    Number,
    /// An OID or a UUID, alone or as a uri.
    Name,
}

/// Whether a primitive may hold a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Accepted {
    Always,
    Never,
    Where(Expr),
}

/// A year, month or day, before it is looked up in the calendar.
const DAY: &str = "[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?";
const WHOLE_DAY: &str = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])";
const CLOCK: &str = "([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)([.][0-9]+)?";
const ZONE: &str = "(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)";

/// Two digits that are no multiple of four. A year is none where its last two digits, or before `00` its first two,
/// are these; only then has it no 29 February.
pub(super) const NO_FOURTH: &str = "([02468][1235679]|[13579][01345789])";

/// True for a FHIR date or dateTime, by its form, that is in no calendar: the year 0, 30 February, 31 April.
fn is_unreal(date: &Expr) -> Expr {
    date.matches(&format!("^(0000.*|....-(02-30|(02|04|06|09|11)-31).*|(..)?{NO_FOURTH}(00)?-02-29.*)$"))
}

pub(super) fn accepts(primitive: Primitive, text: &Expr, known: Known) -> Accepted {
    let accepted = match (primitive, known) {
        (Primitive::Text | Primitive::Base64, Known::Text)
        | (
            Primitive::Text | Primitive::Base64 | Primitive::Code | Primitive::Uri | Primitive::DateTime,
            Known::Day | Known::Moment | Known::Temporal,
        )
        | (Primitive::Text | Primitive::Base64 | Primitive::Code | Primitive::Uri, Known::Name)
        | (Primitive::Date, Known::Day)
        | (Primitive::Instant, Known::Moment)
        | (Primitive::Integer | Primitive::Decimal, Known::Number) => return Accepted::Always,
        (Primitive::Date | Primitive::Boolean | Primitive::Time, Known::Moment)
        | (Primitive::Instant | Primitive::Boolean | Primitive::Time, Known::Day) => return Accepted::Never,
        // A dateTime is also a date where it has no time.
        (Primitive::Date, Known::Temporal) => vec![text.matches(&format!("^{DAY}$"))],
        (
            _,
            Known::Text
            | Known::Rest
            | Known::Day
            | Known::Moment
            | Known::Temporal
            | Known::Number
            | Known::Name,
        ) => form(primitive, text),
    };
    // A regular expression that forbids something says nothing of the text without characters.
    let is_there = (known == Known::Rest).then(|| text.equals(&Expr::literal("")).not());
    let needs_it = matches!(primitive, Primitive::Code | Primitive::Uri);
    Expr::all(is_there.filter(|_| needs_it).into_iter().chain(accepted))
        .map_or(Accepted::Always, Accepted::Where)
}

/// The form of a date or dateTime, unless the text is known to have it.
pub(super) fn temporal(primitive: Primitive, text: &Expr, known: Known) -> Vec<Expr> {
    match known {
        Known::Day | Known::Moment | Known::Temporal => Vec::new(),
        Known::Text | Known::Rest | Known::Number | Known::Name => form(primitive, text),
    }
}

/// An integer of 32 bits.
pub(super) fn whole_number(text: &Expr) -> Vec<Expr> {
    vec![text.matches("^-?(0|[1-9][0-9]{0,9})$"), text.converts_to_integer()]
}

/// The form of the values (FHIR R4, data types): all of these are true.
fn form(primitive: Primitive, text: &Expr) -> Vec<Expr> {
    let dated = |form: String| vec![text.matches(&form), is_unreal(text).not()];
    match primitive {
        Primitive::Text => vec![text.matches(r"^.*\S.*$")],
        Primitive::Base64 => vec![text.matches("^.+$")],
        Primitive::Boolean => vec![text.is_one_of(["true", "false"])],
        Primitive::Integer => whole_number(text),
        Primitive::Decimal => {
            vec![text.matches("^-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?$")]
        }
        Primitive::Date => dated(format!("^{DAY}$")),
        Primitive::DateTime => dated(format!("^({DAY}|{WHOLE_DAY}T{CLOCK}{ZONE})$")),
        Primitive::Instant => dated(format!("^{WHOLE_DAY}T{CLOCK}{ZONE}$")),
        Primitive::Time => vec![text.matches(&format!("^{CLOCK}$"))],
        Primitive::Code => vec![text.matches(r"^(\s.*|.*\s|.*  .*|.*[\t\n\r].*)$").not()],
        Primitive::Id => vec![text.matches("^[A-Za-z0-9.-]{1,64}$")],
        Primitive::Uri => vec![text.matches(r"^.*\s.*$").not()],
    }
}
