//! An event of the audit in plain words, for the client whose data it was.

use crate::diag::Language;
use serde_json::{Value, json};

/// What an event says, as a sentence: when, who, what they did, and with what. Times are in UTC.
pub fn sentence(event: &Value, language: Language) -> String {
    let word = |fi: &'static str, sv: &'static str, en: &'static str| match language {
        Language::Fi => fi,
        Language::Sv => sv,
        Language::En => en,
    };
    let agents = event["agent"].as_array().map(Vec::as_slice).unwrap_or_default();
    let asks = agents.iter().find(|agent| agent["requestor"] == true).or(agents.first());
    let who = asks.and_then(|agent| agent["who"]["display"].as_str()).unwrap_or("?");
    let who = if who == "open" { word("tuntematon", "okänd", "somebody unknown") } else { who };
    let subtype = event["subtype"][0]["code"].as_str().unwrap_or_default();
    let is_disclosed = subtype == "disclose";
    let did = match event["action"].as_str() {
        _ if subtype == "110127" => {
            word("avasi hätätilanteessa", "öppnade i en nödsituation", "opened in an emergency")
        }
        _ if subtype == "110122" => word("kirjautui", "loggade in", "logged in"),
        _ if is_disclosed => word("sai luovutuksena", "fick utlämnat", "was given"),
        Some("C") => word("tallensi", "sparade", "stored"),
        Some("R") => word("katsoi", "såg", "saw"),
        Some("U") => word("muutti", "ändrade", "changed"),
        Some("D") => word("poisti", "tog bort", "deleted"),
        _ => word("haki", "sökte", "searched for"),
    };
    let what = kind(event).map_or_else(
        || word("tietojasi", "dina uppgifter", "your data").to_owned(),
        |kind| thing(kind, language),
    );
    let failed = if event["outcome"].as_str().is_some_and(|outcome| outcome != "0") {
        word(" (evättiin)", " (nekades)", " (refused)")
    } else {
        ""
    };
    format!("{}: {who} {did} {what}{failed}.", time(event["recorded"].as_str().unwrap_or_default(), language))
}

/// The type of the resource that an event is about.
fn kind(event: &Value) -> Option<&str> {
    let entities = event["entity"].as_array()?;
    let data = entities.iter().find(|entity| matches!(entity["role"]["code"].as_str(), Some("4" | "3")))?;
    data["what"]["reference"].as_str()?.split('/').next()
}

/// A resource type in plain words; one that has none is called data, with its name.
fn thing(kind: &str, language: Language) -> String {
    const THINGS: &[(&str, [&str; 3])] = &[
        ("AuditEvent", ["lokin", "loggen", "the log"]),
        ("CarePlan", ["suunnitelman", "planen", "a plan"]),
        ("CareTeam", ["verkoston", "nätverket", "a care team"]),
        ("Consent", ["luvan tai kiellon", "ett samtycke eller ett förbud", "a permission or a denial"]),
        ("DocumentReference", ["asiakirjan", "en handling", "a document"]),
        ("Goal", ["tavoitteen", "ett mål", "a goal"]),
        ("Patient", ["henkilötiedot", "personuppgifterna", "personal data"]),
        ("ServiceRequest", ["palvelun", "en tjänst", "a service"]),
    ];
    let at = match language {
        Language::Fi => 0,
        Language::Sv => 1,
        Language::En => 2,
    };
    let known = THINGS.iter().find(|(name, _)| *name == kind).and_then(|(_, words)| words.get(at));
    match (known, language) {
        (Some(word), _) => (*word).to_owned(),
        (None, Language::Fi) => format!("tietoja ({kind})"),
        (None, Language::Sv) => format!("uppgifter ({kind})"),
        (None, Language::En) => format!("data ({kind})"),
    }
}

/// `2026-11-23T08:15:30.123Z` as people write it.
fn time(instant: &str, language: Language) -> String {
    let part = |range: std::ops::Range<usize>| {
        instant.get(range).map_or("?", |digits| digits.trim_start_matches('0'))
    };
    let (year, month, day) = (part(0..4), part(5..7), part(8..10));
    let (hour, minute) = (part(11..13), instant.get(14..16).unwrap_or("?"));
    let hour = if hour.is_empty() { "0" } else { hour };
    match language {
        Language::Fi => format!("{day}.{month}.{year} klo {hour}.{minute} (UTC)"),
        Language::Sv => format!("{day}.{month}.{year} kl. {hour}.{minute} (UTC)"),
        Language::En => format!("{day}.{month}.{year} at {hour}:{minute} (UTC)"),
    }
}

/// An event with its sentence as the text that people read.
pub(super) fn with_narrative(event: &[u8], language: Language) -> Option<Value> {
    let mut event: Value = serde_json::from_slice(event).ok()?;
    let told = sentence(&event, language);
    let told = told.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let code = match language {
        Language::Fi => "fi",
        Language::Sv => "sv",
        Language::En => "en",
    };
    let div = format!(
        "<div xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"{code}\" xml:lang=\"{code}\">{told}</div>"
    );
    let fields = event.as_object_mut()?;
    fields.insert("language".to_owned(), json!(code));
    fields.insert("text".to_owned(), json!({ "status": "generated", "div": div }));
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_told_in_three_languages() {
        let event = json!({
            "action": "R",
            "recorded": "2026-01-03T08:05:30.123Z",
            "outcome": "0",
            "agent": [
                { "who": { "display": "Kotihoito" }, "requestor": true },
                { "who": { "display": "server" }, "requestor": false },
            ],
            "entity": [{ "role": { "code": "4" }, "what": { "reference": "CarePlan/1/_history/2" } }],
        });
        let check = |language, expected: &str| assert_eq!(sentence(&event, language), expected);
        check(Language::Fi, "3.1.2026 klo 8.05 (UTC): Kotihoito katsoi suunnitelman.");
        check(Language::Sv, "3.1.2026 kl. 8.05 (UTC): Kotihoito såg planen.");
        check(Language::En, "3.1.2026 at 8:05 (UTC): Kotihoito saw a plan.");
        let mut refused = event.clone();
        refused["outcome"] = json!("4");
        refused["recorded"] = json!("2026-01-03T00:05:30.123Z");
        assert_eq!(
            sentence(&refused, Language::Fi),
            "3.1.2026 klo 0.05 (UTC): Kotihoito katsoi suunnitelman (evättiin)."
        );
        assert!(with_narrative(event.to_string().as_bytes(), Language::Sv).is_some());
    }
}
