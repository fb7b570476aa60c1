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

/// Dates that have the right form and are in no calendar: the year 0, 30 February, 31 April, 29 February of a year
/// that is no leap year. A year is none where its last two digits, or before `00` its first two, are not a
/// multiple of four.
const NO_DAY: &str = "^(0000.*|.*-02-30.*|.*-(02|04|06|09|11)-31.*|\
                      .*([02468][1235679]|[13579][01345789])(00)?-02-29.*)$";

/// True for a text of the form of a date that is in the calendar.
pub(super) fn is_real(date: &Expr) -> Expr {
    date.matches(NO_DAY).not()
}

/// True for a year, or a month of one, that is not the year 0.
pub(super) fn is_real_year(date: &Expr) -> Expr {
    date.starts_with("0000").not()
}

pub(super) fn accepts(primitive: Primitive, text: &Expr, known: Known) -> Accepted {
    let accepted = match (primitive, known) {
        (Primitive::Text | Primitive::Base64, Known::Text | Known::Day | Known::Moment | Known::Temporal)
        | (Primitive::Code | Primitive::Uri, Known::Day | Known::Moment | Known::Temporal)
        | (Primitive::Date, Known::Day)
        | (Primitive::DateTime, Known::Day | Known::Moment | Known::Temporal)
        | (Primitive::Instant, Known::Moment) => return Accepted::Always,
        (Primitive::Date | Primitive::Boolean | Primitive::Time, Known::Moment)
        | (Primitive::Instant | Primitive::Boolean | Primitive::Time, Known::Day) => return Accepted::Never,
        (_, Known::Text | Known::Rest | Known::Day | Known::Moment | Known::Temporal) => {
            form(primitive, text)
        }
    };
    // A regular expression that forbids something says nothing of the text without characters.
    let is_there = (known == Known::Rest).then(|| text.equals(&Expr::literal("")).not());
    let needs_it = matches!(primitive, Primitive::Code | Primitive::Uri);
    Expr::all(is_there.filter(|_| needs_it).into_iter().chain([accepted]))
        .map_or(Accepted::Always, Accepted::Where)
}

/// The form of a date or dateTime, unless the text is known to have it.
pub(super) fn temporal(primitive: Primitive, text: &Expr, known: Known) -> Option<Expr> {
    match known {
        Known::Day | Known::Moment | Known::Temporal => None,
        Known::Text | Known::Rest => Some(form(primitive, text)),
    }
}

/// The form of the values (FHIR R4, data types).
fn form(primitive: Primitive, text: &Expr) -> Expr {
    let dated = |form: String| Expr::all([text.matches(&form), is_real(text)]);
    let one = |part: Option<Expr>| part.unwrap_or_else(|| text.exists());
    match primitive {
        Primitive::Text => text.matches(r"^.*\S.*$"),
        Primitive::Base64 => text.matches("^.+$"),
        Primitive::Boolean => text.is_one_of(["true", "false"]),
        Primitive::Integer => {
            one(Expr::all([text.matches("^-?(0|[1-9][0-9]{0,9})$"), text.converts_to_integer()]))
        }
        Primitive::Decimal => text.matches("^-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?$"),
        Primitive::Date => one(dated(format!("^{DAY}$"))),
        Primitive::DateTime => one(dated(format!("^({DAY}|{WHOLE_DAY}T{CLOCK}{ZONE})$"))),
        Primitive::Instant => one(dated(format!("^{WHOLE_DAY}T{CLOCK}{ZONE}$"))),
        Primitive::Time => text.matches(&format!("^{CLOCK}$")),
        Primitive::Code => text.matches(r"^(\s.*|.*\s|.*  .*|.*[\t\n\r].*)$").not(),
        Primitive::Id => text.matches("^[A-Za-z0-9.-]{1,64}$"),
        Primitive::Uri => text.matches(r"^.*\s.*$").not(),
    }
}
