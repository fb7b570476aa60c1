//! Functions of texts. Places and lengths count characters.

use super::super::error::{Fault, Outcome};
use super::super::types::System;
use super::super::value::{Collection, Item, Value};
use super::Takes::{Integer, Text};
use super::{Call, Scalar, boolean, one, pattern};
use crate::schema::base64;
use std::borrow::Cow;

pub(super) static SCALARS: &[Scalar] = &[
    Scalar::new("indexOf", Text, Some(System::Integer), index_of).taking(&[Text]),
    Scalar::new("lastIndexOf", Text, Some(System::Integer), last_index_of).taking(&[Text]),
    Scalar::new("substring", Text, Some(System::String), substring).taking_some(&[Integer, Integer], 1),
    Scalar::new("startsWith", Text, Some(System::Boolean), starts_with).taking(&[Text]),
    Scalar::new("endsWith", Text, Some(System::Boolean), ends_with).taking(&[Text]),
    Scalar::new("contains", Text, Some(System::Boolean), contains).taking(&[Text]),
    Scalar::new("upper", Text, Some(System::String), upper),
    Scalar::new("lower", Text, Some(System::String), lower),
    Scalar::new("replace", Text, Some(System::String), replace).taking(&[Text, Text]),
    Scalar::new("matches", Text, Some(System::Boolean), matches).taking(&[Text]).with_pattern(),
    Scalar::new("matchesFull", Text, Some(System::Boolean), matches).taking(&[Text]).with_pattern().full(),
    Scalar::new("replaceMatches", Text, Some(System::String), replace_matches)
        .taking(&[Text, Text])
        .with_pattern(),
    Scalar::new("length", Text, Some(System::Integer), length),
    Scalar::new("toChars", Text, Some(System::String), to_chars).many(),
    Scalar::new("trim", Text, Some(System::String), trim),
    Scalar::new("split", Text, Some(System::String), split).taking(&[Text]).many(),
    Scalar::new("encode", Text, Some(System::String), encode).taking(&[Text]),
    Scalar::new("decode", Text, Some(System::String), decode).taking(&[Text]),
    Scalar::new("escape", Text, Some(System::String), escape).taking(&[Text]),
    Scalar::new("unescape", Text, Some(System::String), unescape).taking(&[Text]),
];

fn number<'a>(n: usize) -> Collection<'a> {
    one(Value::Integer(i32::try_from(n).unwrap_or(i32::MAX)))
}

fn owned<'a>(text: String) -> Collection<'a> {
    one(Value::String(Cow::Owned(text)))
}

/// The place in characters of a place in bytes, or -1.
fn place<'a>(text: &str, at: Option<usize>) -> Collection<'a> {
    match at {
        Some(at) => number(text.get(..at).unwrap_or("").chars().count()),
        None => one(Value::Integer(-1)),
    }
}

fn index_of<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    let text = call.text()?;
    Ok(place(&text, text.find(&*call.text_argument(0)?)))
}

fn last_index_of<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    let (text, wanted) = (call.text()?, call.text_argument(0)?);
    Ok(place(&text, if wanted.is_empty() { Some(0) } else { text.rfind(&*wanted) }))
}

fn substring<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    let text = call.text()?;
    let (start, length) = (call.integer_argument(0)?, call.integer_argument(1)?);
    let Some(start) = start.and_then(|start| usize::try_from(start).ok()) else {
        return Ok(Collection::Empty);
    };
    // Outside of the text there is nothing, not even an empty text.
    let Some((from, _)) = text.char_indices().nth(start) else { return Ok(Collection::Empty) };
    let length = length.map_or(usize::MAX, |length| usize::try_from(length).unwrap_or(0));
    let rest = text.get(from..).unwrap_or("");
    let to = rest.char_indices().nth(length).map_or(text.len(), |(to, _)| from + to);
    Ok(one(Value::String(match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(from..to).unwrap_or("")),
        Cow::Owned(text) => Cow::Owned(text.get(from..to).unwrap_or("").to_owned()),
    })))
}

fn starts_with<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    Ok(boolean(call.text()?.starts_with(&*call.text_argument(0)?)))
}

fn ends_with<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    Ok(boolean(call.text()?.ends_with(&*call.text_argument(0)?)))
}

fn contains<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    Ok(boolean(call.text()?.contains(&*call.text_argument(0)?)))
}

fn upper<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    Ok(owned(call.text()?.to_uppercase()))
}

fn lower<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    Ok(owned(call.text()?.to_lowercase()))
}

fn replace<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    let (text, from, to) = (call.text()?, call.text_argument(0)?, call.text_argument(1)?);
    let places = if from.is_empty() { text.len() + 1 } else { text.matches(&*from).count() };
    within_size(call, text.len(), places, to.len())?;
    Ok(owned(text.replace(&*from, &to)))
}

/// A fault where so many replacements would make too long a text; it is not made first.
fn within_size(call: &Call<'_, '_>, length: usize, places: usize, each: usize) -> Outcome<()> {
    call.machine.spend(places.saturating_mul(each).saturating_add(length), call.span)
}

/// `matches`: anywhere in the text (FHIRPath 2.0.0; `^` and `$` tie it to the ends). `matchesFull`: the whole of it.
fn matches<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    let text = call.text()?;
    pattern::of(call).map(|regex| boolean(regex.is_match(&text)))
}

fn replace_matches<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    let (text, to) = (call.text()?, call.text_argument(1)?);
    if call.text_argument(0)?.is_empty() {
        return Ok(one(Value::String(text)));
    }
    let regex = pattern::of(call)?;
    // A reference to a group stands for at most the whole text.
    let references = to.matches('$').count().saturating_mul(text.len());
    within_size(call, text.len(), regex.find_iter(&text).count(), to.len().saturating_add(references))?;
    Ok(owned(regex.replace_all(&text, pattern::substitution(&to).as_str()).into_owned()))
}

fn length<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    Ok(number(call.text()?.chars().count()))
}

fn to_chars<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    Ok(call.text()?.chars().map(|c| Item::text(c.to_string())).collect())
}

/// White space as the language defines it.
fn trim<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    let text = call.text()?;
    Ok(owned(text.trim_matches([' ', '\t', '\r', '\n']).to_owned()))
}

fn split<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    let (text, separator) = (call.text()?, call.text_argument(0)?);
    if separator.is_empty() {
        return to_chars(call);
    }
    Ok(text.split(&*separator).map(|part| Item::text(part.to_owned())).collect())
}

fn encode<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    let text = call.text()?;
    Ok(owned(match &*call.text_argument(0)? {
        "hex" => text.bytes().map(|byte| format!("{byte:02x}")).collect(),
        "base64" => base64::write(text.as_bytes(), base64::PLAIN),
        "urlbase64" => base64::write(text.as_bytes(), base64::FOR_URLS),
        _ => return Err(call.fault(Fault::Argument)),
    }))
}

fn decode<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    let text = call.text()?;
    let bytes = match &*call.text_argument(0)? {
        "hex" => from_hex(&text),
        "base64" => base64::read(&text, base64::PLAIN),
        "urlbase64" => base64::read(&text, base64::FOR_URLS),
        _ => return Err(call.fault(Fault::Argument)),
    };
    // What is no encoding of a text has no text.
    Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()).map_or(Collection::Empty, owned))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text.chars().map(|c| c.to_digit(16)).collect::<Option<_>>()?;
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(high << 4 | low).ok(),
        _ => None,
    });
    pairs.collect()
}

fn escape<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    let text = call.text()?;
    let mut out = String::with_capacity(text.len());
    match &*call.text_argument(0)? {
        "html" => text.chars().for_each(|c| match HTML.iter().find(|(plain, _)| *plain == c) {
            Some((_, escaped)) => out.push_str(escaped),
            None => out.push(c),
        }),
        "json" => text.chars().for_each(|c| match JSON.iter().find(|(plain, _)| *plain == c) {
            Some((_, escaped)) => out.push_str(escaped),
            None if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            None => out.push(c),
        }),
        _ => return Err(call.fault(Fault::Argument)),
    }
    Ok(owned(out))
}

const HTML: &[(char, &str)] =
    &[('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('&', "&amp;"), ('\'', "&#39;")];
const JSON: &[(char, &str)] =
    &[('"', "\\\""), ('\\', "\\\\"), ('\n', "\\n"), ('\r', "\\r"), ('\t', "\\t"), ('\u{c}', "\\f")];

fn unescape<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    let text = call.text()?;
    match &*call.text_argument(0)? {
        "html" => {
            // The ampersand comes last, so that nothing is unescaped twice.
            let plain = HTML.iter().filter(|(plain, _)| *plain != '&');
            let text = plain.fold(text.into_owned(), |text, (plain, escaped)| {
                text.replace(escaped, plain.encode_utf8(&mut [0; 4]))
            });
            Ok(owned(text.replace("&amp;", "&")))
        }
        "json" => Ok(super::super::lexer::unescape(&text).map_or(Collection::Empty, owned)),
        _ => Err(call.fault(Fault::Argument)),
    }
}
