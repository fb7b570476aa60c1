//! The message catalogue of the pages in three languages: the labels of the page for workers here, the messages of the
//! client's page in `client`, the words for codes and elements in `tables`. What lacks a language does not compile.

use crate::diag::Language;
use crate::plan::Sector;

pub(in crate::plan) mod catalogue;
mod client;
mod tables;

pub(in crate::plan) use client::*;

use catalogue::{Row, choose, messages};
use tables::{CODES, LABELS, ROLES, STATES};

impl Language {
    /// A label of the page for workers.
    pub(in crate::plan) const fn say(self, word: Word) -> &'static str {
        word.say(self)
    }

    /// The state of a resource in words, where the code is known.
    pub(in crate::plan) fn find_state(self, code: &str) -> Option<&'static str> {
        self.find_in(STATES, code)
    }

    /// A code of FHIR or of Sauma in words, where it is known.
    pub(super) fn find_code(self, code: &str) -> Option<&'static str> {
        self.find_in(CODES, code).or_else(|| self.find_in(ROLES, code))
    }

    /// A code in words; a code that is not known stays as it is.
    pub(super) fn code(self, code: &str) -> &str {
        let kind = || self.find_label(code).filter(|_| code.starts_with(char::is_uppercase));
        self.find_code(code).or_else(kind).unwrap_or(code)
    }

    /// What an element, an extension or a kind of resource is called, where it has a word.
    pub(in crate::plan) fn find_label(self, name: &str) -> Option<&'static str> {
        self.find_in(LABELS, name)
    }

    /// What an element is called; one without a word keeps its own name.
    pub(super) fn label(self, name: &str) -> &str {
        self.find_label(name).unwrap_or(name)
    }

    /// Words as somebody wrote them.
    pub(in crate::plan) fn quote(self, words: &str) -> String {
        match self {
            Self::Fi | Self::Sv => format!("”{words}”"),
            Self::En => format!("“{words}”"),
        }
    }

    fn find_in(self, table: &[(&str, Row)], code: &str) -> Option<&'static str> {
        table.iter().find(|(known, _)| *known == code).map(|(_, words)| choose(self, *words))
    }

    /// The role of a member of the team in words; a role that a unit wrote itself stays as it is.
    pub(super) fn role(self, code: &str) -> &str {
        let found = ROLES.iter().find(|(known, _)| *known == code);
        found.map_or(code, |(_, words)| choose(self, *words))
    }
}

/// States after which nothing more happens.
const ENDED: &[&str] = &[
    "completed",
    "cancelled",
    "revoked",
    "stopped",
    "rejected",
    "failed",
    "fulfilled",
    "noshow",
    "entered-in-error",
    "not-done",
    "inactive",
];

/// True for the state of a goal or an activity that is behind the client.
pub(in crate::plan) fn has_ended(state: &str) -> bool {
    ENDED.contains(&state)
}

/// A sector in words.
pub(in crate::plan) const fn sector_word(language: Language, sector: Sector) -> &'static str {
    let words = match sector {
        Sector::Health => ["terveydenhuolto", "hälso- och sjukvård", "health care"],
        Sector::Social => ["sosiaalihuolto", "socialvård", "social care"],
        Sector::Employment => ["työllisyyspalvelut", "sysselsättningstjänster", "employment services"],
        Sector::ThirdSector => ["kolmas sektori", "tredje sektorn", "third sector"],
        Sector::Education => ["opetus", "utbildning", "education"],
        Sector::Other => ["muu toimija", "annan aktör", "other"],
    };
    choose(language, words)
}

messages! {
    /// A label of the page for workers.
    Word {
        Plan "Yhteinen suunnitelma" "Gemensam plan" "Joint plan";
        NotJoined "Suunnitelmia ei yhdistetty" "Planerna slogs inte ihop" "The plans were not joined";
        NameUnknown "Nimi ei ole tiedossa" "Namnet är inte känt" "Name not known";
        Born "syntynyt" "född" "born";
        IdentityCode "Henkilötunnus" "Personbeteckning" "Personal identity code";
        AlsoClient "Samassa suunnitelmassa myös" "I samma plan också" "Also in this plan";
        Contact "Kehen otan yhteyttä" "Vem kontaktar jag" "Whom to contact";
        NoContact "Kukaan ei ole nimetty yhteyshenkilöksi" "Ingen kontaktperson är utsedd" "Nobody is named as the contact";
        SeveralContacts "Yhteyshenkilöitä on nimetty useita: sopikaa yhdestä" "Flera kontaktpersoner är utsedda: kom överens om en" "Several contacts are named: agree on one";
        Check "Tarkista nämä" "Kontrollera dessa" "Check these";
        LeftOut "Ei mukana: ei tiedetä, koskeeko samaa asiakasta" "Inte med: det är inte känt om det gäller samma klient" "Not included: it is not known whether it is about the same client";
        Superseded "uudempi versio on voimassa" "en nyare version gäller" "a newer version counts";
        Retracted "lähde on merkinnyt virheelliseksi" "källan har angett som felaktig" "the source says that it was recorded in error";
        SeveralHealthPlans "Terveydenhuollossa on useita voimassa olevia suunnitelmia: vain yksi voi olla voimassa" "Hälso- och sjukvården har flera gällande planer: bara en kan gälla" "Health care has several valid plans: only one can be valid";
        OfAnother "kirjattu toiselle henkilölle" "antecknat för en annan person" "recorded for another person";
        Common "yhteinen toisenkin asiakkaan kanssa" "gemensamt även med en annan klient" "shared with another client too";
        Changes "Mikä on muuttunut" "Vad har ändrats" "What has changed";
        NoChanges "Mikään ei ole muuttunut" "Ingenting har ändrats" "Nothing has changed";
        Appeared "Uusi" "Ny" "New";
        Disappeared "Poistunut" "Borttagen" "Gone";
        Settled "Ratkaistu" "Avgjort" "Settled";
        DecidedBy "Päättänyt" "Beslutat av" "Decided by";
        Conflict "Ristiriita" "Motstridiga uppgifter" "Conflict";
        LikelyDuplicate "Ehkä sama asia kahdesti" "Kanske samma sak två gånger" "Perhaps the same thing twice";
        Goals "Tavoitteet" "Mål" "Goals";
        State "Tila" "Läge" "State";
        Achievement "Saavuttaminen" "Uppnått" "Achievement";
        Target "Tavoitearvo" "Målvärde" "Target";
        Due "Viimeistään" "Senast" "By";
        When "Milloin" "När" "When";
        Yes "kyllä" "ja" "yes";
        No "ei" "nej" "no";
        StateUnknown "ei tiedossa" "inte känt" "not known";
        Unnamed "Nimeä ei ole kirjattu" "Namn är inte antecknat" "No name is recorded";
        Goal "Tavoite" "Mål" "Goal";
        Participants "Osallistujat" "Deltagare" "Participants";
        SaidBy "Kuka sanoo" "Vem säger" "Said by";
        Results "Tulokset ja arviot" "Resultat och bedömningar" "Results and assessments";
        Result "Tulos" "Resultat" "Result";
        UnitPlans "Yksiköiden suunnitelmat" "Enheternas planer" "The units' plans";
        UnitPlan "Suunnitelma" "Plan" "Plan";
        Period "Voimassa" "Giltighetstid" "Period";
        Created "Laadittu" "Uppgjord" "Made on";
        People "Henkilöt ja toimijat" "Personer och aktörer" "People and organisations";
        Others "Muut merkinnät" "Övriga anteckningar" "Other entries";
        NotIdentified "Asiakasta ei ole yksilöity" "Klienten är inte identifierad" "The client is not identified";
        Next "Mitä tapahtuu seuraavaksi" "Vad händer härnäst" "What happens next";
        NothingNext "Seuraavia askelia ei ole kirjattu" "Inga följande steg är antecknade" "No next steps are recorded";
        Ended "Tehty tai päättynyt" "Gjort eller avslutat" "Done or ended";
        BirthDate "Syntymäaika" "Födelsetid" "Date of birth";
        Gender "Sukupuoli" "Kön" "Gender";
        SameIdentifier "sama tunniste, eri sisältö" "samma beteckning, olika innehåll" "one identifier, different contents";
        See "katso" "se" "see";
        Review "Seuranta" "Uppföljning" "Review";
        Place "Paikka" "Plats" "Place";
        NextSteps "Jatkotoimet" "Fortsatta åtgärder" "Next steps";
        Meetings "Tapaamiset" "Möten" "Meetings";
        Statements "Näkemykset" "Synpunkter" "Views";
        ClientView "Asiakkaan näkemys" "Klientens syn" "The client's view";
        ProfessionalView "Ammattihenkilön näkemys" "Den yrkesutbildades syn" "The professional's view";
        Dissent "Eriävät näkemykset" "Avvikande åsikter" "Dissenting views";
        Situation "Tilanne" "Situation" "Situation";
        Day "Päivä" "Dag" "Date";
        Needs "Tuen tarpeet" "Stödbehov" "Needs";
        Team "Tiimi" "Team" "Team";
        From "Alkaen" "Från" "From";
        Until "Päättyen" "Till och med" "Until";
        Missing "Mitä puuttuu" "Vad saknas" "What is missing";
        NoGoals "Tavoitteita ei ole kirjattu" "Inga mål är antecknade" "No goals are recorded";
        NoReview "Seurantapäivää ei ole sovittu" "Ingen dag för uppföljning är överenskommen" "No day for a review is agreed";
        NoClientView "Asiakkaan oma näkemys puuttuu" "Klientens egen syn saknas" "The client's own view is missing";
        NoConsent "Suostumusta ei ole kirjattu" "Inget samtycke är antecknat" "No consent is recorded";
        Sources "Lähteet" "Källor" "Sources";
        Version "versio" "version" "version";
    }
}

/// All tables of words by their keys.
#[cfg(test)]
pub(super) const TABLES: &[&[(&str, Row)]] = &[STATES, ROLES, CODES, LABELS];
