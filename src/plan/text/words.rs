//! The labels of the page in three languages; a label without all three does not compile.

use crate::plan::Sector;

/// A language of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Language {
    /// Finnish.
    #[default]
    Fi,
    /// Swedish.
    Sv,
    /// English.
    En,
}

impl Language {
    /// The language of a code, `fi`, `sv-FI`, `en`.
    pub fn find(code: &str) -> Option<Self> {
        match code.get(..2)?.to_ascii_lowercase().as_str() {
            "fi" => Some(Self::Fi),
            "sv" => Some(Self::Sv),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    const fn choose(self, words: [&'static str; 3]) -> &'static str {
        match self {
            Self::Fi => words[0],
            Self::Sv => words[1],
            Self::En => words[2],
        }
    }

    /// The state of a goal or an activity in words; a code that is not known stays as it is.
    pub(super) fn state(self, code: &str) -> &str {
        let found = STATES.iter().find(|(known, _)| *known == code);
        found.map_or(code, |(_, words)| self.choose(*words))
    }

    /// The gender of a client in words.
    pub(super) fn gender(self, code: &str) -> &str {
        let found = GENDERS.iter().find(|(known, _)| *known == code);
        found.map_or(code, |(_, words)| self.choose(*words))
    }

    /// The role of a member of the team in words; a role that a unit wrote itself stays as it is.
    pub(super) fn role(self, code: &str) -> &str {
        let found = ROLES.iter().find(|(known, _)| *known == code);
        found.map_or(code, |(_, words)| self.choose(*words))
    }
}

const STATES: &[(&str, [&str; 3])] = &[
    ("proposed", ["ehdotettu", "föreslaget", "proposed"]),
    ("planned", ["suunniteltu", "planerat", "planned"]),
    ("accepted", ["hyväksytty", "godkänt", "accepted"]),
    ("scheduled", ["sovittu", "avtalat", "scheduled"]),
    ("booked", ["varattu", "bokat", "booked"]),
    ("not-started", ["ei aloitettu", "inte påbörjat", "not started"]),
    ("requested", ["pyydetty", "begärt", "requested"]),
    ("fulfilled", ["toteutunut", "genomfört", "took place"]),
    ("noshow", ["asiakas ei tullut", "klienten uteblev", "the client did not come"]),
    ("failed", ["ei onnistunut", "misslyckades", "failed"]),
    ("active", ["käynnissä", "pågår", "under way"]),
    ("in-progress", ["käynnissä", "pågår", "under way"]),
    ("on-hold", ["tauolla", "pausat", "on hold"]),
    ("completed", ["päättynyt", "avslutat", "completed"]),
    ("cancelled", ["peruttu", "inställt", "cancelled"]),
    ("revoked", ["peruttu", "inställt", "revoked"]),
    ("stopped", ["keskeytetty", "avbrutet", "stopped"]),
    ("rejected", ["hylätty", "avböjt", "rejected"]),
    ("entered-in-error", ["kirjattu virheellisesti", "felaktigt antecknat", "entered in error"]),
    ("unknown", ["ei tiedossa", "okänt", "not known"]),
    ("draft", ["luonnos", "utkast", "draft"]),
];

const GENDERS: &[(&str, [&str; 3])] = &[
    ("male", ["mies", "man", "male"]),
    ("female", ["nainen", "kvinna", "female"]),
    ("other", ["muu", "annat", "other"]),
    ("unknown", ["ei tiedossa", "okänt", "not known"]),
];

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
];

/// True for the state of a goal or an activity that is behind the client.
pub(super) fn has_ended(state: &str) -> bool {
    ENDED.contains(&state)
}

const ROLES: &[(&str, [&str; 3])] = &[
    ("coordinator", ["koordinoi kokonaisuutta", "samordnar helheten", "coordinates the whole"]),
    ("author", ["suunnitelman laatija", "har gjort upp planen", "author of the plan"]),
    (
        "co-author",
        ["suunnitelman toinen laatija", "har varit med och gjort upp planen", "co-author of the plan"],
    ),
    ("responsible-expert", ["vastuuasiantuntija", "ansvarig sakkunnig", "responsible expert"]),
    ("service-provider", ["palvelunantaja", "tjänsteleverantör", "service provider"]),
    (
        "private-person",
        ["läheinen tai muu yksityishenkilö", "närstående eller annan privatperson", "private person"],
    ),
    ("CAREGIVER", ["auttava läheinen", "närstående som hjälper", "caregiver"]),
];

/// A sector in words.
pub(super) const fn sector_word(language: Language, sector: Sector) -> &'static str {
    language.choose(match sector {
        Sector::Health => ["terveydenhuolto", "hälso- och sjukvård", "health care"],
        Sector::Social => ["sosiaalihuolto", "socialvård", "social care"],
        Sector::Employment => ["työllisyyspalvelut", "sysselsättningstjänster", "employment services"],
        Sector::ThirdSector => ["kolmas sektori", "tredje sektorn", "third sector"],
        Sector::Education => ["opetus", "utbildning", "education"],
        Sector::Other => ["muu toimija", "annan aktör", "other"],
    })
}

macro_rules! words {
    ($($name:ident $fi:literal $sv:literal $en:literal;)*) => {
        /// A label of the page.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Word {
            $($name,)*
        }

        impl Language {
            /// A label.
            pub(super) const fn say(self, word: Word) -> &'static str {
                match word {
                    $(Word::$name => self.choose([$fi, $sv, $en]),)*
                }
            }
        }
    };
}

words! {
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
    Conflict "Ristiriita" "Motstridiga uppgifter" "Conflict";
    LikelyDuplicate "Ehkä sama asia kahdesti" "Kanske samma sak två gånger" "Perhaps the same thing twice";
    Goals "Tavoitteet" "Mål" "Goals";
    State "Tila" "Läge" "State";
    Achievement "Saavuttaminen" "Uppnått" "Achievement";
    Target "Tavoitearvo" "Målvärde" "Target";
    Due "Viimeistään" "Senast" "By";
    When "Milloin" "När" "When";
    Next "Mitä tapahtuu seuraavaksi" "Vad händer härnäst" "What happens next";
    NothingNext "Seuraavia askelia ei ole kirjattu" "Inga följande steg är antecknade" "No next steps are recorded";
    Ended "Tehty tai päättynyt" "Gjort eller avslutat" "Done or ended";
    BirthDate "Syntymäaika" "Födelsetid" "Date of birth";
    Gender "Sukupuoli" "Kön" "Gender";
    SameIdentifier "sama tunniste, eri sisältö" "samma beteckning, olika innehåll" "one identifier, different contents";
    See "katso" "se" "see";
    Agreed "Sovittu" "Överenskommet" "Agreed";
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
