//! `escape`: a text with other escapes.

/// Takes the escapes of one form away and puts those of another in; `None` where a form is not known.
pub(super) fn escape(text: &str, from: &str, to: &str) -> Option<String> {
    let plain = match Form::named(from)? {
        Form::Plain => text.to_owned(),
        Form::Markup => {
            let pairs = [
                ("&lt;", "<"),
                ("&gt;", ">"),
                ("&quot;", "\""),
                ("&apos;", "'"),
                ("&#39;", "'"),
                ("&amp;", "&"),
            ];
            pairs.iter().fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
        }
        Form::Json => serde_json::from_str::<String>(&format!("\"{text}\"")).ok()?,
        Form::Url => decoded(text)?,
    };
    Some(match Form::named(to)? {
        Form::Plain => plain,
        Form::Markup => {
            let pairs = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", "&#39;")];
            pairs.iter().fold(plain, |text, (plain, escaped)| text.replace(plain, escaped))
        }
        Form::Json => {
            let quoted = serde_json::to_string(&plain).ok()?;
            quoted.strip_prefix('"')?.strip_suffix('"')?.to_owned()
        }
        Form::Url => encoded(&plain),
    })
}

enum Form {
    Plain,
    Markup,
    Json,
    Url,
}

impl Form {
    fn named(name: &str) -> Option<Self> {
        match name {
            "" | "text" | "plain" | "string" => Some(Self::Plain),
            "html" | "xml" => Some(Self::Markup),
            "json" => Some(Self::Json),
            "url" | "uri" => Some(Self::Url),
            _ => None,
        }
    }
}

fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let (high, low) = (digit(rest.next())?, digit(rest.next())?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_and_back() {
        let check = |text: &str, form: &str, escaped: &str| {
            assert_eq!(escape(text, "", form).as_deref(), Some(escaped));
            assert_eq!(escape(escaped, form, "").as_deref(), Some(text));
        };
        check("a<b & 'c'", "html", "a&lt;b &amp; &#39;c&#39;");
        check("a\"\n", "json", "a\\\"\\n");
        check("ä /", "url", "%C3%A4%20%2F");
        assert_eq!(escape("a", "", "morse"), None);
        assert_eq!(escape("%zz", "url", ""), None);
    }
}
