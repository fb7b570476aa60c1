//! A view for people: whom it is for, what is withheld and why, then the joined plan of what is seen.

use super::{PLAN_KIND, View, Withheld};
use crate::diag::Language;
use crate::plan::permission::{Audience, Reason};
use crate::plan::policy::Policy;
use crate::plan::text::words::Word;
use crate::plan::text::words::catalogue::choose;
use crate::plan::text::{self, IdentityCode, Line, Style, sector_name};

/// The view as lines for people.
pub fn render(view: &View, policy: &Policy, language: Language, code: IdentityCode) -> Vec<Line> {
    let mut lines = vec![line(Style::Heading, audience(view.audience, language).to_owned())];
    if view.is_emergency {
        let said = choose(
            language,
            [
                "Hätäkatselu: tämä kirjataan ja tarkistetaan.",
                "Nödåtkomst: den loggas och granskas.",
                "Emergency access: it is logged and reviewed.",
            ],
        );
        lines.push(line(Style::Warning, said.to_owned()));
    }
    if view.joined.sources.is_empty() {
        let said = choose(
            language,
            ["Suunnitelmasta ei näy mitään.", "Ingenting av planen visas.", "Nothing of the plan is shown."],
        );
        lines.push(line(Style::Warning, said.to_owned()));
    }
    if !view.withheld.is_empty() {
        let said = choose(language, ["Mitä ei näytetä", "Vad som inte visas", "What is not shown"]);
        lines.push(line(Style::Heading, said.to_owned()));
    }
    for withheld in &view.withheld {
        lines.push(line(Style::Label, what(withheld, language)));
        if let Some((words, _)) = policy.text_of(&withheld.rule) {
            lines.push(line(Style::Source, words.in_language(language).to_owned()));
        }
    }
    if !view.joined.sources.is_empty() {
        let plan = text::render(&view.joined, language, code);
        lines.extend(if view.withheld.is_empty() { plan } else { without_gaps(plan, language) });
    }
    lines
}

/// The plan without the part on what it lacks: what is withheld is not missing.
fn without_gaps(plan: Vec<Line>, language: Language) -> Vec<Line> {
    let gaps = language.say(Word::Missing);
    let mut is_left_out = false;
    let is_told = |line: &Line| {
        if line.style == Style::Heading {
            is_left_out = line.text == gaps;
        }
        !is_left_out
    };
    plan.into_iter().filter(is_told).collect()
}

fn line(style: Style, text: String) -> Line {
    Line { style, text }
}

/// What is withheld, as far as it may be said, and how many.
fn what(withheld: &Withheld, language: Language) -> String {
    let unsaid = choose(language, ["tietoja", "uppgifter", "data"]);
    let plan = choose(language, ["suunnitelma", "plan", "plan"]);
    let kind = withheld.kind.as_deref().map_or(unsaid, |kind| if kind == PLAN_KIND { plan } else { kind });
    let sector = withheld.sector.map(|sector| sector_name(language, sector).to_owned());
    let mut parts: Vec<String> = [sector, withheld.unit.clone()].into_iter().flatten().collect();
    parts.push(kind.to_owned());
    format!("{} ({}): {}", parts.join(", "), withheld.count, why(withheld.reason, language))
}

/// Why something is withheld, in a few words; the rule says it in full.
const fn why(reason: Reason, language: Language) -> &'static str {
    let words = match reason {
        Reason::NoPermission => ["lupa puuttuu", "tillstånd saknas", "no permission"],
        Reason::PermissionLapsed => {
            ["lupa ei ole voimassa", "tillståndet gäller inte", "the permission has lapsed"]
        }
        Reason::NoAnswer => {
            ["luvat eivät ole tiedossa", "tillstånden är okända", "permissions are not known"]
        }
        Reason::DocumentDenied | Reason::ServiceTaskDenied | Reason::RegisterDenied => {
            ["asiakas on kieltänyt", "klienten har förbjudit det", "the client denies it"]
        }
        Reason::NoJointPlan => [
            "suostumus yhteiseen suunnitelmaan puuttuu",
            "samtycke till en gemensam plan saknas",
            "no consent to a joint plan",
        ],
        Reason::WrongPurpose => ["väärä käyttötarkoitus", "fel ändamål", "wrong purpose"],
        Reason::OwnerWrites => ["vain omistaja muuttaa", "bara ägaren ändrar", "only the owner writes"],
        Reason::MinorDenies => ["ei huoltajalle", "inte till vårdnadshavare", "not for guardians"],
        Reason::NobodyAsks => ["kukaan ei pyydä", "ingen frågar", "nobody asks"],
        Reason::NotCovered => ["sääntöä ei ole", "ingen regel", "no rule"],
        Reason::NotForRole => ["ei tälle roolille", "inte för den här rollen", "not for this role"],
        Reason::NotOwnActivity => ["muiden tehtävä", "andras uppgift", "carried out by others"],
        Reason::Sensitive => ["arkaluonteinen", "känsligt", "sensitive"],
        Reason::OtherPerson => ["koskee toista henkilöä", "gäller en annan person", "about another person"],
        Reason::NotReleased => ["julkaistaan myöhemmin", "offentliggörs senare", "released later"],
        Reason::OnlyOfWithheld => {
            ["kuuluu pidätettyyn", "hör till det som hålls inne", "belongs to what is withheld"]
        }
        // What permits withholds nothing.
        Reason::SameRegister
        | Reason::Permitted
        | Reason::Consented
        | Reason::ByStatute
        | Reason::OwnData
        | Reason::OfMinor
        | Reason::Emergency => ["", "", ""],
    };
    choose(language, words)
}

const fn audience(audience: Audience, language: Language) -> &'static str {
    match (audience, language) {
        (Audience::OwnRegister, Language::Fi) => "Näkymä omaan rekisteriin",
        (Audience::OwnRegister, Language::Sv) => "Vy av det egna registret",
        (Audience::OwnRegister, Language::En) => "View of one's own register",
        (Audience::Health, Language::Fi) => "Terveydenhuollon näkymä",
        (Audience::Health, Language::Sv) => "Hälso- och sjukvårdens vy",
        (Audience::Health, Language::En) => "View of health care",
        (Audience::Social, Language::Fi) => "Sosiaalihuollon näkymä",
        (Audience::Social, Language::Sv) => "Socialvårdens vy",
        (Audience::Social, Language::En) => "View of social care",
        (Audience::Employment, Language::Fi) => "Työllisyyspalvelujen näkymä",
        (Audience::Employment, Language::Sv) => "Sysselsättningstjänsternas vy",
        (Audience::Employment, Language::En) => "View of employment services",
        (Audience::ThirdSector, Language::Fi) => "Kolmannen sektorin näkymä",
        (Audience::ThirdSector, Language::Sv) => "Tredje sektorns vy",
        (Audience::ThirdSector, Language::En) => "View of the third sector",
        (Audience::Education, Language::Fi) => "Opetuksen näkymä",
        (Audience::Education, Language::Sv) => "Undervisningens vy",
        (Audience::Education, Language::En) => "View of education",
        (Audience::Client, Language::Fi) => "Asiakkaan oma näkymä",
        (Audience::Client, Language::Sv) => "Klientens egen vy",
        (Audience::Client, Language::En) => "The client's own view",
        (Audience::Guardian, Language::Fi) => "Huoltajan näkymä",
        (Audience::Guardian, Language::Sv) => "Vårdnadshavarens vy",
        (Audience::Guardian, Language::En) => "View of a guardian",
        (Audience::Service, Language::Fi) => "Ohjelman näkymä",
        (Audience::Service, Language::Sv) => "Programmets vy",
        (Audience::Service, Language::En) => "View of a program",
    }
}
