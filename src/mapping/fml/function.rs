//! The functions that make values (`map-transform`), and how many arguments each takes.

use super::model::words;

/// A function that makes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    /// A new instance of a type.
    Create,
    /// The value itself.
    Copy,
    /// The first characters of a string.
    Truncate,
    /// A string with other escapes.
    Escape,
    /// The value as another type.
    Cast,
    /// Strings one after the other.
    Append,
    /// A code through a concept map.
    Translate,
    /// A string that refers to a resource.
    Reference,
    /// A date or time so much later; R4 and R5 name it and leave open what it does.
    DateOp,
    /// A random UUID.
    Uuid,
    /// What a Reference to a resource in the same Bundle says.
    Pointer,
    /// The result of an expression.
    Evaluate,
    /// A `CodeableConcept`.
    Cc,
    /// A `Coding`.
    C,
    /// A `Quantity`.
    Qty,
    /// An `Identifier`.
    Id,
    /// A `ContactPoint`.
    Cp,
    /// A string as `dateTime`.
    ToDateTime,
    /// A string as `date`.
    ToDate,
    /// A string as `time`.
    ToTime,
    /// Seconds since 1970 as `dateTime`.
    UnixToDateTime,
    /// Seconds since 1970 as `date`.
    UnixToDate,
    /// Seconds since 1970 as `time`.
    UnixToTime,
}

words! { Function: "Its name in text and resource."
    Create "create",
    Copy "copy",
    Truncate "truncate",
    Escape "escape",
    Cast "cast",
    Append "append",
    Translate "translate",
    Reference "reference",
    DateOp "dateOp",
    Uuid "uuid",
    Pointer "pointer",
    Evaluate "evaluate",
    Cc "cc",
    C "c",
    Qty "qty",
    Id "id",
    Cp "cp",
    ToDateTime "toDateTime",
    ToDate "toDate",
    ToTime "toTime",
    UnixToDateTime "unixToDateTime",
    UnixToDate "unixToDate",
    UnixToTime "unixToTime",
}

impl Function {
    /// The least and the greatest number of arguments; `None` is no limit.
    pub const fn arity(self) -> (usize, Option<usize>) {
        match self {
            Self::Uuid => (0, Some(0)),
            Self::Create => (0, Some(1)),
            Self::Copy | Self::Reference | Self::Pointer => (1, Some(1)),
            Self::Truncate => (2, Some(2)),
            Self::Cast
            | Self::Evaluate
            | Self::Cp
            | Self::ToDateTime
            | Self::ToDate
            | Self::ToTime
            | Self::UnixToDateTime
            | Self::UnixToDate
            | Self::UnixToTime => (1, Some(2)),
            Self::Cc => (1, Some(3)),
            Self::Escape | Self::Translate | Self::C | Self::Id => (2, Some(3)),
            Self::Qty => (1, Some(4)),
            Self::DateOp => (3, Some(3)),
            Self::Append => (1, None),
        }
    }

    /// Its arguments, as the specification writes them.
    pub const fn usage(self) -> &'static str {
        match self {
            Self::Create => "create(type?)",
            Self::Copy => "copy(source)",
            Self::Truncate => "truncate(source, length)",
            Self::Escape => "escape(source, format1, format2?)",
            Self::Cast => "cast(source, type?)",
            Self::Append => "append(source, …)",
            Self::Translate => "translate(source, map, output?)",
            Self::Reference => "reference(source)",
            Self::DateOp => "dateOp(date, amount, unit)",
            Self::Uuid => "uuid()",
            Self::Pointer => "pointer(resource)",
            Self::Evaluate => "evaluate(context?, expression)",
            Self::Cc => "cc(text) or cc(system, code, display?)",
            Self::C => "c(system, code, display?)",
            Self::Qty => "qty(text) or qty(value, unit, system?, code?)",
            Self::Id => "id(system, value, type?)",
            Self::Cp => "cp(system?, value)",
            Self::ToDateTime => "toDateTime(source, format?)",
            Self::ToDate => "toDate(source, format?)",
            Self::ToTime => "toTime(source, format?)",
            Self::UnixToDateTime => "unixToDateTime(source, timezone?)",
            Self::UnixToDate => "unixToDate(source, timezone?)",
            Self::UnixToTime => "unixToTime(source, timezone?)",
        }
    }
}
