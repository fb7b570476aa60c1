//! What four units write about their clients: each in its own form, and the same every time.

use crate::server::plans::case;
use serde_json::{Value, json};

/// A client of the county, by number: invented, with an identity code that nobody is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Client(pub(super) usize);

impl Client {
    pub(super) fn hetu(self) -> String {
        let signs = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
        let (day, month, year) = self.birth();
        let number = 900 + self.0 % 100;
        let digits: u64 = format!("{day:02}{month:02}{year:02}{number}").parse().unwrap();
        let check = signs[usize::try_from(digits % 31).unwrap()];
        format!("{day:02}{month:02}{year:02}-{number}{}", char::from(check))
    }

    /// Day, month and year of birth, in the last century: one hundred clients for each of them at most.
    fn birth(self) -> (usize, usize, usize) {
        let day = self.0 / 100;
        (1 + day % 28, 1 + day / 28 % 12, 40 + day / 336 % 60)
    }

    fn given(self) -> String {
        format!("Testi {}", self.0)
    }
}

const FAMILY: &str = "Kuntalainen";
/// A goal in the plan of social services, which is edited in the joined plan.
pub(super) const GOAL: &str = "Veloista on tehty selvitys ja maksusuunnitelma.";
/// What it is edited to.
pub(super) const EDITED: &str = "Velat on järjestelty, ja vuokra maksetaan ajallaan.";

/// The plan of social services, in its own JSON; the second version has another meeting.
pub(super) fn social(client: Client, version: usize) -> Vec<u8> {
    let text = String::from_utf8(case("social-client-plan/cases/full")).unwrap();
    let mut plan: Value = serde_json::from_str(&text).unwrap();
    let number = client.0;
    plan["asiakirja"]["versio"] = json!(version);
    plan["asiakirja"]["aika"] = json!(format!("2025-03-{:02}T10:30:00+02:00", 10 + version));
    plan["asiakirja"]["tunniste"] =
        json!(format!("urn:oid:1.2.246.10.99999999.93.2025.{number}{version:02}"));
    plan["asiakirja"]["suunnitelmaTunniste"] =
        json!(format!("urn:uuid:5a0e0000-0000-4000-8000-{number:012}"));
    plan["asiakas"] =
        json!([{ "sukunimi": FAMILY, "etunimet": client.given(), "henkilotunnus": client.hetu() }]);
    plan["neuvottelu"][0]["paikka"] = json!(format!("Sosiaaliasema, huone {version}"));
    serde_json::to_vec_pretty(&plan).unwrap()
}

/// The rows of employment services; in the second version the first task is done.
pub(super) fn employment(client: Client, version: usize) -> Vec<u8> {
    let text = String::from_utf8(case("employment-plan/cases/multi-sector")).unwrap();
    let text = text
        .replace("140379-9128", &client.hetu())
        .replace("Testikoivu", FAMILY)
        .replace("Aino Maria", &client.given())
        .replace("TS-2025-0101", &format!("TS-2025-{}", client.0));
    let text = if version > 1 { text.replacen(";30.06.2025;E", ";30.06.2025;K", 1) } else { text };
    text.into_bytes()
}

/// The rows of a support organisation; the second version has another name for the support person.
pub(super) fn third(client: Client, version: usize) -> Vec<u8> {
    let text = String::from_utf8(case("third-sector-support/cases/full")).unwrap();
    let (day, month, year) = client.birth();
    let person = if version > 1 { "Saara Vaihtunut" } else { "Saara Esimerkki" };
    let text = text
        .replace("240986-918J", &client.hetu())
        .replace("24.09.1986", &format!("{day:02}.{month:02}.19{year}"))
        .replace("Testisaari", FAMILY)
        .replace("Taimi Orvokki", &client.given())
        .replace("A-1007", &format!("A-{}", client.0))
        .replace("TUKI-2026-7", &format!("TUKI-2026-{}", client.0))
        .replace("Saara Esimerkki", person);
    text.into_bytes()
}

/// A goal of the health station, as a message of HL7 v2; the second version updates it.
pub(super) fn health(client: Client, version: usize) -> Vec<u8> {
    let (day, month, year) = client.birth();
    let (number, hetu, given) = (client.0, client.hetu(), client.given());
    let action = if version > 1 { "UP" } else { "AD" };
    let status = if version > 1 { "C^Completed" } else { "A^Active" };
    let segments = [
        format!(
            "MSH|^~\\&|TERVEYS|TESTILA|SAUMA|KUNTA|2025031{version}0800||PGL^PC6^PGL_PC6|H{number}-{version}|P|2.5.1|||AL|NE|FI|UNICODE UTF-8"
        ),
        format!("PID|1||{hetu}^^^&1.2.246.21&ISO^NNFIN||{FAMILY}^{given}||19{year}{month:02}{day:02}|U"),
        format!(
            "GOL|{action}|2025031{version}0800|G1^Uni paranee^L|T{number}^TERVEYS||||20250310|||||||||||{status}^L"
        ),
    ];
    (segments.join("\r") + "\r").into_bytes()
}
