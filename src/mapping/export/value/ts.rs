//! HL7 time stamps (`Convert::Ts`).

use super::accept::{Known, NO_FOURTH, temporal};
use super::expr::Expr;
use super::ways::Way;
use crate::mapping::program::Primitive;

const MONTH: &str = "(0[1-9]|1[0-2])";
const DAY: &str = "(0[1-9]|[12][0-9]|3[01])";
const HOUR: &str = "([01][0-9]|2[0-3])";
const SIXTY: &str = "[0-5][0-9]";
const ZONE: &str = "[+-]((0[0-9]|1[0-3])[0-5][0-9]|1400)";

/// Of a day or less; with seconds and a zone; with a zone; of an hour or more, without a zone: of that FHIR has only
/// the day.
pub(super) fn forward(text: &Expr) -> Vec<Way> {
    let hour = format!("[0-9]{{4}}{MONTH}{DAY}{HOUR}");
    let way = |pattern: String, value: Expr, known: Known, is_exact: bool| Way {
        fits: vec![text.matches(&pattern), is_real(text)],
        value,
        known,
        is_exact,
    };
    let day = text.replace_matches("^(....)(..)", "$1-$2").replace_matches("^(....-..)(..)", "$1-$2");
    let second =
        text.replace_matches("^(....)(..)(..)(..)(..)([^+-]*)([+-]..)(..)$", "$1-$2-$3T$4:$5:$6$7:$8");
    let minute = text.replace_matches("^(....)(..)(..)(..)(..)([+-]..)(..)$", "$1-$2-$3T$4:$5:00$6:$7");
    let day_of_hour = text.replace_matches("^(....)(..)(..).*$", "$1-$2-$3");
    vec![
        way(format!("^[0-9]{{4}}({MONTH}{DAY}?)?$"), day, Known::Day, true),
        way(format!("^{hour}{SIXTY}{SIXTY}([.][0-9]+)?{ZONE}$"), second, Known::Moment, true),
        way(format!("^{hour}{SIXTY}{ZONE}$"), minute, Known::Moment, false),
        way(format!("^{hour}({SIXTY}({SIXTY}([.][0-9]+)?)?)?$"), day_of_hour, Known::Day, false),
    ]
}

/// What all of them ask together.
pub(super) fn domain(text: &Expr) -> Vec<Expr> {
    let time = format!("{HOUR}({SIXTY}({SIXTY}([.][0-9]+)?)?|{SIXTY}({SIXTY}([.][0-9]+)?)?{ZONE})?");
    vec![text.matches(&format!("^[0-9]{{4}}({MONTH}({DAY}({time})?)?)?$")), is_real(text)]
}

/// Not the year 0, 30 February, 31 April or the like.
fn is_real(text: &Expr) -> Expr {
    text.matches(&format!("^(0000.*|....(0230|(02|04|06|09|11)31).*|(..)?{NO_FOURTH}(00)?0229.*)$")).not()
}

/// A date, or a dateTime whose zone is written as a number.
pub(super) fn backward(value: &Expr, known: Known) -> Vec<Way> {
    // `forward` never makes the leap second and never writes a zone as `Z`.
    let way = |pattern: &str, primitive, value_of: Expr| Way {
        fits: [value.matches(pattern)].into_iter().chain(temporal(primitive, value, known)).collect(),
        value: value_of,
        known: Known::Text,
        is_exact: true,
    };
    vec![
        way("^[0-9-]{4,10}$", Primitive::Date, value.replace("-", "")),
        way(
            "^.{17}[0-5][0-9]([.][0-9]+)?[+-].....$",
            Primitive::DateTime,
            value.replace_matches("^(....)-(..)-(..)T(..):(..):([0-9.]+)([+-]..):(..)$", "$1$2$3$4$5$6$7$8"),
        ),
    ]
}
