//! The labels of the page in three languages; a label without all three does not compile.

use crate::diag::Language;
use crate::plan::Sector;

impl Language {
    const fn choose(self, words: [&'static str; 3]) -> &'static str {
        match self {
            Self::Fi => words[0],
            Self::Sv => words[1],
            Self::En => words[2],
        }
    }

    /// The state of a resource in words, where the code is known.
    pub(super) fn find_state(self, code: &str) -> Option<&'static str> {
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
    pub(super) fn find_label(self, name: &str) -> Option<&'static str> {
        self.find_in(LABELS, name)
    }

    /// What an element is called; one without a word keeps its own name.
    pub(super) fn label(self, name: &str) -> &str {
        self.find_label(name).unwrap_or(name)
    }

    /// Words as somebody wrote them.
    pub(super) fn quote(self, words: &str) -> String {
        match self {
            Self::Fi | Self::Sv => format!("”{words}”"),
            Self::En => format!("“{words}”"),
        }
    }

    fn find_in(self, table: &[(&str, [&'static str; 3])], code: &str) -> Option<&'static str> {
        table.iter().find(|(known, _)| *known == code).map(|(_, words)| self.choose(*words))
    }

    /// The role of a member of the team in words; a role that a unit wrote itself stays as it is.
    pub(super) fn role(self, code: &str) -> &str {
        let found = ROLES.iter().find(|(known, _)| *known == code);
        found.map_or(code, |(_, words)| self.choose(*words))
    }
}

const STATES: &[(&str, [&str; 3])] = &[
    ("ended", ["päättynyt", "avslutat", "ended"]),
    ("in-force", ["voimassa", "gäller", "in force"]),
    ("inactive", ["ei enää voimassa", "gäller inte längre", "no longer in force"]),
    ("not-done", ["ei tehty", "inte gjort", "not done"]),
    ("preparation", ["valmistellaan", "förbereds", "being prepared"]),
    ("preliminary", ["alustava", "preliminär", "preliminary"]),
    ("final", ["lopullinen", "slutlig", "final"]),
    ("amended", ["korjattu", "ändrad", "amended"]),
    ("aborted", ["keskeytetty", "avbrutet", "stopped"]),
    ("suspended", ["tauolla", "pausat", "on hold"]),
    ("received", ["vastaanotettu", "mottagen", "received"]),
    ("ready", ["valmis alkamaan", "klar att börja", "ready"]),
    ("pending", ["odottaa", "väntar", "pending"]),
    ("arrived", ["saapunut", "anlänt", "arrived"]),
    ("proposed", ["ehdotettu", "föreslaget", "proposed"]),
    ("planned", ["suunniteltu", "planerat", "planned"]),
    ("accepted", ["hyväksytty", "godkänt", "accepted"]),
    ("scheduled", ["suunniteltu, aika sovittu", "planerat, tid avtalad", "planned, time agreed"]),
    ("booked", ["varattu", "bokat", "booked"]),
    ("not-started", ["suunniteltu, ei aloitettu", "planerat, inte påbörjat", "planned, not started"]),
    ("requested", ["pyydetty", "begärt", "requested"]),
    ("fulfilled", ["toteutunut", "genomfört", "took place"]),
    ("noshow", ["asiakas ei tullut", "klienten uteblev", "the client did not come"]),
    ("failed", ["ei onnistunut", "misslyckades", "failed"]),
    ("active", ["käynnissä", "pågår", "under way"]),
    ("in-progress", ["käynnissä", "pågår", "under way"]),
    ("on-hold", ["tauolla", "pausat", "on hold"]),
    ("completed", ["tehty", "gjort", "done"]),
    ("cancelled", ["peruttu", "inställt", "cancelled"]),
    ("revoked", ["peruttu", "inställt", "revoked"]),
    ("stopped", ["keskeytetty", "avbrutet", "stopped"]),
    ("rejected", ["hylätty", "avböjt", "rejected"]),
    ("entered-in-error", ["kirjattu virheellisesti", "felaktigt antecknat", "entered in error"]),
    ("unknown", ["ei tiedossa", "okänt", "not known"]),
    ("draft", ["luonnos", "utkast", "draft"]),
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
    "not-done",
    "inactive",
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
pub(in crate::plan) const fn sector_word(language: Language, sector: Sector) -> &'static str {
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
    Retracted "lähde on merkinnyt virheelliseksi" "källan har angett som felaktig" "the source says that it was recorded in error";
    SeveralHealthPlans "Terveydenhuollossa on useita voimassa olevia suunnitelmia: vain yksi voi olla voimassa" "Hälso- och sjukvården har flera gällande planer: bara en kan gälla" "Health care has several valid plans: only one can be valid";
    Common "yhteinen toisenkin asiakkaan kanssa" "gemensamt även med en annan klient" "shared with another client too";
    Changes "Mikä on muuttunut" "Vad har ändrats" "What has changed";
    NoChanges "Mikään ei ole muuttunut" "Ingenting har ändrats" "Nothing has changed";
    Appeared "Uusi" "Ny" "New";
    Disappeared "Poistunut" "Borttagen" "Gone";
    Conflict "Ristiriita" "Motstridiga uppgifter" "Conflict";
    Settled "Ratkaistu" "Avgjort" "Settled";
    DecidedBy "Päättänyt" "Beslutat av" "Decided by";
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

/// Codes of FHIR and of Sauma's own code systems.
const CODES: &[(&str, [&str; 3])] = &[
    ("male", ["mies", "man", "male"]),
    ("female", ["nainen", "kvinna", "female"]),
    ("other", ["muu", "annat", "other"]),
    ("unknown", ["ei tiedossa", "inte känt", "not known"]),
    ("client-plan", ["asiakassuunnitelma", "klientplan", "client plan"]),
    ("employment-plan", ["työllistymissuunnitelma", "sysselsättningsplan", "employment plan"]),
    (
        "previous-plan",
        ["edellisen suunnitelman tavoite", "mål i den föregående planen", "goal of the earlier plan"],
    ),
    ("client-view", ["asiakkaan näkemys", "klientens syn", "the client's view"]),
    ("professional-view", ["ammattihenkilön näkemys", "den yrkesutbildades syn", "the professional's view"]),
    ("proposal", ["ehdotus", "förslag", "proposal"]),
    ("order", ["määräys", "ordination", "order"]),
    ("active", ["ajankohtainen", "aktuell", "current"]),
    ("recurrence", ["uusiutunut", "har återkommit", "has come back"]),
    ("remission", ["lieventynyt", "har lindrats", "has eased"]),
    ("resolved", ["ohi", "över", "over"]),
    ("fi", ["suomi", "finska", "Finnish"]),
    ("fi-FI", ["suomi", "finska", "Finnish"]),
    ("sv", ["ruotsi", "svenska", "Swedish"]),
    ("sv-FI", ["ruotsi", "svenska", "Swedish"]),
    ("en-US", ["englanti", "engelska", "English"]),
    ("en", ["englanti", "engelska", "English"]),
    ("health", ["terveydenhuolto", "hälso- och sjukvård", "health care"]),
    ("social", ["sosiaalihuolto", "socialvård", "social care"]),
    ("employment", ["työllisyyspalvelut", "sysselsättningstjänster", "employment services"]),
    ("third-sector", ["kolmas sektori", "tredje sektorn", "third sector"]),
    ("education", ["opetus", "utbildning", "education"]),
    ("routine", ["kiireetön", "icke brådskande", "routine"]),
    ("urgent", ["kiireellinen", "brådskande", "urgent"]),
    ("asap", ["mahdollisimman pian", "så snart som möjligt", "as soon as possible"]),
    ("stat", ["heti", "genast", "at once"]),
    ("s", ["s", "s", "s"]),
    ("min", ["min", "min", "min"]),
    ("h", ["tunti", "timme", "hour"]),
    ("d", ["päivä", "dag", "day"]),
    ("wk", ["viikko", "vecka", "week"]),
    ("mo", ["kuukausi", "månad", "month"]),
    ("a", ["vuosi", "år", "year"]),
    ("mon", ["ma", "mån", "Mon"]),
    ("tue", ["ti", "tis", "Tue"]),
    ("wed", ["ke", "ons", "Wed"]),
    ("thu", ["to", "tors", "Thu"]),
    ("fri", ["pe", "fre", "Fri"]),
    ("sat", ["la", "lör", "Sat"]),
    ("sun", ["su", "sön", "Sun"]),
];

/// What elements, extensions and kinds of resources are called.
const LABELS: &[(&str, [&str; 3])] = &[
    // Kinds of resources
    ("Appointment", ["Tapaaminen", "Möte", "Appointment"]),
    ("CarePlan", ["Suunnitelma", "Plan", "Plan"]),
    ("CareTeam", ["Tiimi", "Team", "Team"]),
    ("CommunicationRequest", ["Viestipyyntö", "Begäran om kontakt", "Communication"]),
    ("Condition", ["Tarve tai ongelma", "Behov eller problem", "Need or problem"]),
    ("Consent", ["Suostumus", "Samtycke", "Consent"]),
    ("Device", ["Laite", "Utrustning", "Device"]),
    ("DeviceRequest", ["Apuvälinepyyntö", "Begäran om hjälpmedel", "Device request"]),
    ("DocumentReference", ["Asiakirja", "Dokument", "Document"]),
    ("Encounter", ["Käynti", "Besök", "Visit"]),
    ("Flag", ["Huomioitavaa", "Att beakta", "Note"]),
    ("Location", ["Paikka", "Plats", "Place"]),
    ("MedicationRequest", ["Lääkitys", "Läkemedel", "Medication"]),
    ("NutritionOrder", ["Ravitsemus", "Kost", "Nutrition"]),
    ("Goal", ["Tavoite", "Mål", "Goal"]),
    ("Observation", ["Merkintä", "Anteckning", "Entry"]),
    ("Organization", ["Organisaatio", "Organisation", "Organisation"]),
    ("Goal.description", ["Tavoitteen laji", "Typ av mål", "Type of goal"]),
    ("Patient.contact", ["Yhteyshenkilö", "Kontaktperson", "Contact person"]),
    ("Patient", ["Asiakas", "Klient", "Client"]),
    ("Practitioner", ["Ammattihenkilö", "Yrkesutbildad person", "Professional"]),
    ("PractitionerRole", ["Ammattihenkilö", "Yrkesutbildad person", "Professional"]),
    ("Procedure", ["Toimenpide", "Åtgärd", "Procedure"]),
    ("QuestionnaireResponse", ["Kyselyn vastaukset", "Svar på enkät", "Answers to a questionnaire"]),
    ("RelatedPerson", ["Läheinen", "Närstående", "Related person"]),
    ("ServiceRequest", ["Palvelu", "Tjänst", "Service"]),
    ("Task", ["Tehtävä", "Uppgift", "Task"]),
    // Sauma's extensions
    ("abatement", ["Päättyi", "Upphörde", "Ended"]),
    ("authored", ["Kirjattu", "Antecknat", "Recorded"]),
    ("activity-goal", ["Tavoite", "Mål", "Goal"]),
    ("by", ["Kuka", "Vem", "By"]),
    ("client-proposal", ["Asiakkaan oma ehdotus", "Klientens eget förslag", "The client's own proposal"]),
    ("co-subject", ["Samassa suunnitelmassa myös", "I samma plan också", "Also in this plan"]),
    ("concern-period", ["Huolen aika", "Tid för oron", "Time of the concern"]),
    ("contact", ["Yhteydenotto", "Kontakt", "Contact"]),
    ("current-service", ["Nykyiset palvelut", "Nuvarande tjänster", "Current services"]),
    (
        "current-services-text",
        ["Nykyisistä palveluista", "Om nuvarande tjänster", "About the current services"],
    ),
    ("custodian", ["Rekisterinpitäjä", "Personuppgiftsansvarig", "Custodian"]),
    ("earlier-state", ["Aiempi tila", "Tidigare läge", "Earlier state"]),
    ("daily-amount", ["Määrä päivässä", "Mängd per dag", "Daily amount"]),
    ("data-absent-reason", ["Ei kirjattu, syy", "Inte antecknat, orsak", "Not recorded, reason"]),
    ("date", ["Päivä", "Dag", "Date"]),
    ("activity-request", ["Palvelupyyntö", "Vårdbegäran", "Request"]),
    ("detail-extension", ["Lisätiedot", "Tilläggsuppgifter", "More"]),
    ("detail-kind", ["Laji", "Typ", "Kind"]),
    ("distribution", ["Jakelu", "Distribution", "Distribution"]),
    ("document-id", ["Asiakirjan tunnus", "Dokumentets beteckning", "Id of the document"]),
    ("document-time", ["Asiakirjan aika", "Dokumentets tid", "Time of the document"]),
    ("document-version", ["Asiakirjan versio", "Dokumentets version", "Version of the document"]),
    ("effect", ["Vaikutus", "Inverkan", "Effect"]),
    (
        "estimated-duration",
        [
            "Arvio asiakkuuden kestosta",
            "Uppskattad längd på klientrelationen",
            "Estimated length of the client relationship",
        ],
    ),
    ("evaluates", ["Arvioi", "Utvärderar", "Evaluates"]),
    ("expressed-by", ["Esittäjä myös", "Framfört också av", "Also stated by"]),
    ("factor", ["Tekijä", "Faktor", "Factor"]),
    ("function", ["Toimi", "Funktion", "Function"]),
    ("goal-scale", ["Tavoitteen asteikko", "Målets skala", "Scale of the goal"]),
    (
        "informed-of-rights",
        ["Selvitys oikeuksista annettu", "Information om rättigheter given", "Explanation of rights given"],
    ),
    (
        "informed-of-rights-text",
        ["Miten selvitys annettiin", "Hur informationen gavs", "How the explanation was given"],
    ),
    ("kind", ["Laji", "Typ", "Kind"]),
    ("legal-statement", ["Lakiselostus", "Redogörelse för lagen", "Legal statement"]),
    ("line", ["Linja", "Linje", "Line"]),
    ("lone-extension", ["Tunnus", "Beteckning", "Identifier"]),
    ("meeting-frequency", ["Tapaamiset", "Möten", "Meetings"]),
    ("meeting-participants", ["Osallistujat", "Deltagare", "Participants"]),
    ("meeting-place", ["Paikka", "Plats", "Place"]),
    ("method", ["Menetelmä", "Metod", "Method"]),
    ("method-details", ["Lisätiedot menetelmistä", "Mer om metoderna", "More about the methods"]),
    ("method-evaluation", ["Menetelmän arviointi", "Utvärdering av metod", "Evaluation of a method"]),
    ("next-review", ["Seuranta", "Uppföljning", "Review"]),
    ("next-review-place", ["Paikka", "Plats", "Place"]),
    ("next-review-text", ["Seuranta", "Uppföljning", "Review"]),
    ("scheduled-text", ["Milloin", "När", "When"]),
    ("next-steps", ["Jatkotoimet", "Fortsatta åtgärder", "Next steps"]),
    ("patient-birthPlace", ["Syntymäpaikka", "Födelseort", "Place of birth"]),
    ("preference", ["Tärkeys", "Prioritet", "Importance"]),
    ("product-code", ["Tuote", "Produkt", "Product"]),
    ("product-reference", ["Tuote", "Produkt", "Product"]),
    ("progress", ["Edistyminen", "Framsteg", "Progress"]),
    ("refers-to", ["Liittyy", "Hänför sig till", "Refers to"]),
    ("resource-pertainsToGoal", ["Tavoite", "Mål", "Goal"]),
    ("review", ["Seuranta", "Uppföljning", "Review"]),
    ("reviewer", ["Arvioija", "Utvärderare", "Reviewer"]),
    ("sector", ["Toimiala", "Sektor", "Sector"]),
    ("service", ["Palvelu", "Tjänst", "Service"]),
    ("service-evaluation", ["Palvelun arviointi", "Utvärdering av tjänst", "Evaluation of a service"]),
    ("service-line", ["Palvelulinja", "Servicelinje", "Service line"]),
    ("service-task", ["Palvelutehtävä", "Serviceuppgift", "Service task"]),
    ("situation-factor", ["Tilannetekijä", "Situationsfaktor", "Situation factor"]),
    ("social-service", ["Sosiaalipalvelu", "Socialservice", "Social service"]),
    ("source-text", ["Yksikön sanoin", "Med enhetens ord", "In the unit's words"]),
    ("status-reason", ["Tilan syy", "Orsak till läget", "Reason for the state"]),
    ("time", ["Aika", "Tid", "Time"]),
    ("used", ["Käyttö", "Användning", "Use"]),
    // Elements of FHIR
    ("achievementStatus", ["Saavuttaminen", "Uppnått", "Achievement"]),
    ("address", ["Osoite", "Adress", "Address"]),
    ("addresses", ["Koskee", "Gäller", "About"]),
    ("alias", ["Toinen nimi", "Annat namn", "Other name"]),
    ("asserter", ["Toteaja", "Konstaterat av", "Stated by"]),
    ("author", ["Laatija", "Uppgjord av", "Author"]),
    ("authoredOn", ["Kirjattu", "Antecknat", "Recorded"]),
    ("basedOn", ["Perustuu", "Grundar sig på", "Based on"]),
    ("birthDate", ["Syntymäaika", "Födelsetid", "Date of birth"]),
    ("boundsPeriod", ["Aikaväli", "Tidsperiod", "Within"]),
    ("category", ["Luokka", "Kategori", "Category"]),
    ("clinicalStatus", ["Tila", "Läge", "State"]),
    ("code", ["Koodi", "Kod", "Code"]),
    ("comment", ["Huomautus", "Kommentar", "Comment"]),
    ("communication", ["Asiointikieli", "Kontaktspråk", "Language of contact"]),
    ("contributor", ["Laatimassa myös", "Medverkat", "Contributor"]),
    ("created", ["Laadittu", "Uppgjord", "Made on"]),
    ("dayOfWeek", ["Viikonpäivät", "Veckodagar", "Days of the week"]),
    ("deceased", ["Kuollut", "Avliden", "Deceased"]),
    ("description", ["Kuvaus", "Beskrivning", "Description"]),
    ("detail", ["Tarkemmin", "Närmare", "Detail"]),
    ("deviceName", ["Nimi", "Namn", "Name"]),
    ("doNotPerform", ["Ei saa tehdä", "Får inte göras", "Must not be done"]),
    ("dueDate", ["Viimeistään", "Senast", "By"]),
    ("effective", ["Aika", "Tid", "Time"]),
    ("end", ["Päättyen", "Till och med", "Until"]),
    ("event", ["Ajankohta", "Tidpunkt", "Time"]),
    ("evidence", ["Havainnot", "Observationer", "Evidence"]),
    ("expressedBy", ["Esittäjä", "Framfört av", "Stated by"]),
    ("gender", ["Sukupuoli", "Kön", "Gender"]),
    ("goal", ["Tavoite", "Mål", "Goal"]),
    ("intent", ["Tarkoitus", "Avsikt", "Intent"]),
    ("interpretation", ["Tulkinta", "Tolkning", "Interpretation"]),
    ("language", ["Kieli", "Språk", "Language"]),
    ("lifecycleStatus", ["Tila", "Läge", "State"]),
    ("location", ["Paikka", "Plats", "Place"]),
    ("locationReference", ["Paikka", "Plats", "Place"]),
    ("managingOrganization", ["Vastuuorganisaatio", "Ansvarig organisation", "Managing organisation"]),
    ("maritalStatus", ["Siviilisääty", "Civilstånd", "Marital status"]),
    ("measure", ["Mittari", "Mätare", "Measure"]),
    ("medication", ["Lääke", "Läkemedel", "Medication"]),
    ("member", ["Jäsen", "Medlem", "Member"]),
    ("name", ["Nimi", "Namn", "Name"]),
    ("note", ["Lisätiedot", "Tilläggsuppgifter", "Notes"]),
    ("occurrence", ["Milloin", "När", "When"]),
    ("onset", ["Alkoi", "Började", "Began"]),
    ("organization", ["Organisaatio", "Organisation", "Organisation"]),
    ("outcomeCodeableConcept", ["Tulos", "Resultat", "Outcome"]),
    ("outcomeReference", ["Tulos", "Resultat", "Outcome"]),
    ("owner", ["Omistaja", "Ägare", "Owner"]),
    ("participant", ["Osallistuja", "Deltagare", "Participant"]),
    ("performed", ["Milloin", "När", "When"]),
    ("performer", ["Tekijä", "Utförare", "Performer"]),
    ("period", ["Aikaväli", "Tidsperiod", "Period"]),
    ("practitioner", ["Ammattihenkilö", "Yrkesutbildad person", "Professional"]),
    ("preferred", ["Ensisijainen", "I första hand", "Preferred"]),
    ("priority", ["Tärkeys", "Prioritet", "Priority"]),
    ("productCodeableConcept", ["Tuote", "Produkt", "Product"]),
    ("productReference", ["Tuote", "Produkt", "Product"]),
    ("quantity", ["Määrä", "Mängd", "Quantity"]),
    ("reasonCode", ["Syy", "Orsak", "Reason"]),
    ("reasonReference", ["Syy", "Orsak", "Reason"]),
    ("recordedDate", ["Kirjattu", "Antecknat", "Recorded"]),
    ("recorder", ["Kirjaaja", "Antecknat av", "Recorded by"]),
    ("reference", ["Viittaus", "Hänvisning", "Refers to"]),
    ("relationship", ["Suhde", "Relation", "Relationship"]),
    ("repeat", ["Toistuu", "Upprepas", "Repeats"]),
    ("replaces", ["Korvaa", "Ersätter", "Replaces"]),
    ("requester", ["Pyytäjä", "Begärt av", "Requested by"]),
    ("role", ["Rooli", "Roll", "Role"]),
    ("scheduled", ["Milloin", "När", "When"]),
    ("start", ["Alkaen", "Från", "From"]),
    ("startDate", ["Alkaen", "Från", "From"]),
    ("status", ["Tila", "Läge", "State"]),
    ("statusDate", ["Tilan päivä", "Dag för läget", "Date of the state"]),
    ("statusReason", ["Tilan syy", "Orsak till läget", "Reason for the state"]),
    ("subject", ["Asiakas", "Klient", "Client"]),
    ("supportingInfo", ["Liittyy", "Hänför sig till", "Related"]),
    ("target", ["Tavoitearvo", "Målvärde", "Target"]),
    ("telecom", ["Yhteystiedot", "Kontaktuppgifter", "Reached at"]),
    ("text", ["Sanallisesti", "Med ord", "In words"]),
    ("translation", ["Käännös", "Översättning", "Translation"]),
    ("content", ["Teksti", "Text", "Text"]),
    ("lang", ["Kieli", "Språk", "Language"]),
    ("timing", ["Milloin", "När", "When"]),
    ("title", ["Otsikko", "Rubrik", "Title"]),
    ("type", ["Laji", "Typ", "Kind"]),
    ("value", ["Arvo", "Värde", "Value"]),
    ("version", ["Versio", "Version", "Version"]),
];

/// All tables of words by their keys.
#[cfg(test)]
pub(super) const TABLES: &[&[(&str, [&str; 3])]] = &[STATES, ROLES, CODES, LABELS];
