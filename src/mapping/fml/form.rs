//! The form that the text of a primitive type has.

use super::compile::Known;
use crate::fhirpath::{Decimal, Precision, Temporal};
use crate::schema::Schema;
use crate::tree::fhir::{Form, TypeId};
use std::borrow::Cow;

/// A text as a type has it, or that it has no such form.
pub(super) enum Fit<'v> {
    Text(Cow<'v, str>),
    /// The type holds only a part of it.
    Part(Cow<'v, str>),
    No,
}

/// A text as a primitive type has it.
pub(super) fn fit<'v>(schema: &Schema, known: &Known, text: Cow<'v, str>, ty: TypeId, form: Form) -> Fit<'v> {
    let whole = |fits: bool, text: Cow<'v, str>| if fits { Fit::Text(text) } else { Fit::No };
    match form {
        Form::Bool => whole(matches!(&*text, "true" | "false"), text),
        Form::Number if ty == known.decimal => whole(Decimal::parse(&text).is_some(), text),
        Form::Number => integer(schema, text, ty),
        _ if ty == known.date => match Temporal::date(&text) {
            Some(_) => Fit::Text(text),
            None => match (Temporal::date_time(&text), text.split_once('T')) {
                (Some(_), Some((date, _))) => Fit::Part(Cow::Owned(date.to_owned())),
                _ => Fit::No,
            },
        },
        _ if ty == known.date_time => whole(Temporal::date_time(&text).is_some(), text),
        _ if ty == known.instant => {
            let whole_instant = Temporal::date_time(&text)
                .is_some_and(|time| time.precision() >= Precision::Second && time.zone_hours().is_some());
            whole(whole_instant, text)
        }
        _ if ty == known.time => whole(Temporal::time(&text).is_some(), text),
        Form::Object | Form::Resource | Form::Str | Form::Xhtml => whole(!text.is_empty(), text),
    }
}

fn integer<'v>(schema: &Schema, text: Cow<'v, str>, ty: TypeId) -> Fit<'v> {
    // A decimal without a fraction is a whole number.
    let plain = match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|digit| digit == b'0') => {
            Cow::Owned(whole.to_owned())
        }
        _ => text,
    };
    let Ok(number) = plain.parse::<i32>() else { return Fit::No };
    let least = match schema.type_info(ty).name {
        "positiveInt" => 1,
        "unsignedInt" => 0,
        _ => i32::MIN,
    };
    let written = number.to_string();
    if number < least {
        Fit::No
    } else {
        Fit::Text(if written == *plain { plain } else { Cow::Owned(written) })
    }
}
