//! The messages of the client's own page: short sentences in plain words that speak to the client. A value stands behind
//! a colon or in a place where no word has to be inflected for it.

use super::catalogue::{Row, choose, is_table, messages};
use crate::diag::Language;
use crate::plan::Sector;

messages! {
    /// What the client's page says.
    Message {
        Title "Sinun suunnitelmasi" "Din plan" "Your plan";
        Intro "Tähän on koottu, mitä eri palvelut ovat kirjanneet sinun suunnitelmiisi." "Här är samlat vad olika tjänster har skrivit i dina planer." "This page brings together what different services have written in your plans.";
        Name "Nimi" "Namn" "Name";
        NameUnknown "Nimeäsi ei ole kirjattu." "Ditt namn är inte antecknat." "Your name has not been written down.";
        BirthYear "Syntymävuosi" "Födelseår" "Year of birth";
        IdentityCode "Henkilötunnus" "Personbeteckning" "Personal identity code";
        SharedWith "Samassa suunnitelmassa on myös" "I samma plan finns också" "Also in the same plan";

        Contact "Kehen otat yhteyttä" "Vem du kontaktar" "Whom to contact";
        ContactOne "Ota yhteyttä, kun jokin on epäselvää tai tilanteesi muuttuu." "Ta kontakt om något är oklart eller om din situation ändras." "Get in touch if something is unclear or if your situation changes.";
        ContactSeveral "Palvelut ovat nimenneet sinulle eri yhteyshenkilöt. Voit ottaa yhteyttä keneen tahansa heistä. Pyydä heitä sopimaan, kuka on yhteyshenkilösi." "Tjänsterna har utsett olika kontaktpersoner åt dig. Du kan kontakta vem som helst av dem. Be dem komma överens om vem som är din kontaktperson." "The services have named different contact persons for you. You can contact any of them. Ask them to agree on who is your contact person.";
        ContactMissing "Sinulle ei ole vielä nimetty yhteyshenkilöä. Kysy asiasta joltakin, joka auttaa sinua." "Du har ännu ingen kontaktperson. Fråga någon som hjälper dig." "You do not have a contact person yet. Ask someone who helps you.";
        NamedBy "Nimennyt" "Utsedd av" "Named by";
        Phone "Puhelin" "Telefon" "Phone";
        Email "Sähköposti" "E-post" "Email";
        Reached "Yhteystieto" "Kontaktuppgift" "Contact details";

        Helpers "Kuka auttaa sinua" "Vem som hjälper dig" "Who helps you";
        NoHelpers "Auttajia ei ole vielä kirjattu." "Ingen som hjälper dig är antecknad ännu." "Nobody who helps you has been written down yet.";
        HelperUnnamed "Auttaja, jonka nimeä ei ole kirjattu" "En hjälpare vars namn inte är antecknat" "A helper whose name has not been written down";
        ProvidersInWords "Kuka järjestää mitäkin" "Vem som ordnar vad" "Who arranges what";
        CloseInWords "Läheiset ja muut sinulle tärkeät ihmiset" "Närstående och andra som är viktiga för dig" "People close to you and others who matter to you";
        Pair "Työpari" "Arbetspar" "Works together with";
        Task "Tehtävä" "Uppgift" "Role";
        Helps "Hoitaa" "Sköter" "Takes care of";
        Relation "Suhde sinuun" "Relation till dig" "Relation to you";
        TakesPart "Mukana" "Med" "Takes part";

        Strengths "Sinun vahvuutesi" "Dina styrkor" "Your strengths";
        NoStrengths "Vahvuuksiasi ei ole vielä kirjattu. Kerro työntekijälle, mikä sinulla sujuu hyvin ja mistä saat voimaa." "Dina styrkor är inte antecknade ännu. Berätta för en arbetstagare vad som går bra för dig och vad som ger dig kraft." "Your strengths have not been written down yet. Tell a worker what goes well for you and what gives you energy.";

        Goals "Sinun tavoitteesi" "Dina mål" "Your goals";
        NoGoals "Tavoitteita ei ole vielä kirjattu." "Inga mål är antecknade ännu." "No goals have been written down yet.";
        OwnWords "Omin sanoin" "Med dina egna ord" "In your own words";
        OwnGoal "Tämä on sinun oma tavoitteesi." "Det här är ditt eget mål." "This is your own goal.";
        PutForwardBy "Ehdottanut" "Föreslaget av" "Suggested by";
        GoalUnnamed "Tavoite, jota ei ole kirjoitettu auki" "Ett mål som inte är beskrivet" "A goal that has not been described";
        State "Tilanne" "Läge" "Status";
        Achievement "Miten on mennyt" "Hur det har gått" "How it has gone";
        Aim "Mihin pyrit" "Vad du siktar på" "What you aim for";
        Due "Viimeistään" "Senast" "By";
        About "Mihin liittyy" "Hör ihop med" "About";
        Changed "Muuttunut" "Ändrat" "Changed";
        Starts "Alkaen" "Från och med" "Starting";
        Ends "Päättyy" "Slutar" "Ends";
        OfficialName "Virallinen nimi" "Officiellt namn" "Official name";
        Began "Alkanut" "Började" "Started";

        Next "Mitä on sovittu ja mitä tapahtuu seuraavaksi" "Vad som är överenskommet och vad som händer härnäst" "What has been agreed and what happens next";
        NothingNext "Seuraavia askelia ei ole vielä kirjattu." "Inga följande steg är antecknade ännu." "No next steps have been written down yet.";
        When "Milloin" "När" "When";
        Where "Paikka" "Plats" "Place";
        Who "Kuka hoitaa" "Vem som sköter det" "Who does it";
        Yourself "Tämän teet sinä itse." "Det här gör du själv." "You do this yourself.";
        ServesGoal "Tavoite" "Mål" "Goal";
        OwnWish "Oma toiveesi" "Ditt eget önskemål" "Your own wish";
        Review "Suunnitelma katsotaan uudelleen" "Planen ses över" "The plan is looked at again";
        Plan "Suunnitelma" "Plan" "Plan";
        NextSteps "Seuraavaksi" "Härnäst" "Next step";
        Meetings "Tapaamiset" "Möten" "Meetings";
        ActivityUnnamed "Sovittu asia, jota ei ole kirjoitettu auki" "Något överenskommet som inte är beskrivet" "Something agreed that has not been described";
        Done "Mitä on jo tehty tai päättynyt" "Vad som redan är gjort eller avslutat" "What is already done or has ended";

        Views "Näkemykset" "Synpunkter" "Views";
        Disagreements "Mistä ollaan eri mieltä" "Vad ni ser på olika sätt" "Where views differ";
        OwnViewAbove "Oma näkemyksesi on kohdassa ”Sinun tavoitteesi”." "Din egen syn finns under ”Dina mål”." "Your own view stands under “Your goals”.";
        WorkerView "Työntekijän näkemys" "Arbetstagarens syn" "The worker's view";
        Dissent "Tästä ollaan eri mieltä" "Det här ser ni olika på" "This is seen differently";
        SaidBy "Kuka sanoo" "Vem som säger det" "Who says this";
        Day "Päivä" "Datum" "Date";
        Differs "Palvelut ovat kirjanneet tästä eri tavalla kohdan ”{what}”." "Tjänsterna har skrivit olika om det här under ”{what}”." "The services have written different things about this under “{what}”.";
        AboutYou "Tietosi" "Dina uppgifter" "Information about you";
        SameTwice "Nämä voivat olla sama asia" "De här kan vara samma sak" "These may be the same thing";
        AskAboutThese "Voit kysyä näistä joltakin, joka auttaa sinua." "Du kan fråga någon som hjälper dig om det här." "You can ask someone who helps you about these.";

        Situation "Tilanteesi ja tuen tarpeesi" "Din situation och ditt behov av stöd" "Your situation and the support you need";
        SituationThen "Tilanteesi" "Din situation" "Your situation";
        Participants "Paikalla" "Närvarande" "Present";
        Need "Tuen tarve" "Behov av stöd" "Need for support";
        Results "Tulokset ja arviot" "Resultat och bedömningar" "Results and assessments";
        Result "Tulos" "Resultat" "Result";

        Letters "Viestit" "Meddelanden" "Messages";
        Letter "Viesti" "Meddelande" "Message";
        Sent "Lähetetty" "Skickat" "Sent";
        SentBy "Lähettäjä" "Avsändare" "From";
        SentTo "Vastaanottaja" "Mottagare" "To";
        Answer "Vastaus" "Svar" "Answer";

        Other "Muut tiedot" "Övriga uppgifter" "Other information";
        More "Lisätieto" "Mer information" "More information";
        Unexplained "merkintä, jota ei ole selitetty" "en anteckning som inte är förklarad" "an entry that is not explained";

        Sources "Mistä nämä tiedot tulevat" "Varifrån uppgifterna kommer" "Where this information comes from";
        Source "Lähde" "Källa" "Source";
        Written "Asiakirja kirjoitettu" "Dokumentet skrivet" "Document written";
        Dated "Päivätty" "Daterad" "Dated";
        LeftOut "Jokin suunnitelma jäi pois, koska ei ole varmaa, koskeeko se sinua." "Någon plan lämnades bort, eftersom det inte är säkert att den gäller dig." "A plan was left out, because it is not certain that it is about you.";
        Superseded "Suunnitelmasta on käytetty uusinta versiota." "Den nyaste versionen av planen har använts." "The newest version of the plan has been used.";

        Rights "Sinun oikeutesi" "Dina rättigheter" "Your rights";
        Consent "Suostumus" "Samtycke" "Consent";
        Informed "Sinulle on kerrottu oikeuksistasi ja vaihtoehdoistasi." "Du har fått veta om dina rättigheter och alternativ." "You have been told about your rights and your options.";
        NotInformed "Suunnitelman mukaan sinulle ei ole vielä kerrottu oikeuksistasi. Pyydä siitä tietoa." "Enligt planen har du ännu inte fått veta om dina rättigheter. Be om information." "According to the plan you have not been told about your rights yet. Ask about them.";

        From "{day} alkaen" "från {day}" "from {day}";
        Until "{day} asti" "till {day}" "until {day}";
        AtLeast "vähintään {value}" "minst {value}" "at least {value}";
        AtMost "enintään {value}" "högst {value}" "at most {value}";
        Under "alle {value}" "under {value}" "under {value}";
        Over "yli {value}" "över {value}" "over {value}";
        OnceEvery "kerran {period} aikana" "en gång på {period}" "once in {period}";
        TimesEvery "{times} kertaa {period} aikana" "{times} gånger på {period}" "{times} times in {period}";
        Once "kerran {unit}" "en gång {unit}" "once {unit}";
        Times "{times} kertaa {unit}" "{times} gånger {unit}" "{times} times {unit}";
        Clock "{day} klo {clock}" "{day} kl. {clock}" "{day} at {clock}";
        InFinnish "suomeksi" "på finska" "in Finnish";
        InSwedish "ruotsiksi" "på svenska" "in Swedish";
        InEnglish "englanniksi" "på engelska" "in English";
        InOther "muulla kielellä" "på ett annat språk" "in another language";
    }
}

/// A message with its placeholders filled.
pub(in crate::plan) fn fill(language: Language, message: Message, values: &[(&str, &str)]) -> String {
    let mut said = String::new();
    let mut rest = message.say(language);
    // Values may hold braces of their own, so the template is walked and no value is looked at again.
    while let Some((before, behind)) = rest.split_once('{') {
        let (key, after) = behind.split_once('}').unwrap_or((behind, ""));
        said.push_str(before);
        said.extend(values.iter().find(|(known, _)| *known == key).map(|(_, value)| *value));
        rest = after;
    }
    said.push_str(rest);
    said
}

/// A sector as people call it.
pub(in crate::plan) const fn plain_sector(language: Language, sector: Sector) -> &'static str {
    let words = match sector {
        Sector::Health => ["Terveydenhuolto", "Hälso- och sjukvården", "Health care"],
        Sector::Social => ["Sosiaalipalvelut", "Socialtjänsten", "Social services"],
        Sector::Employment => ["Työllisyyspalvelut", "Sysselsättningstjänsterna", "Employment services"],
        Sector::ThirdSector => {
            ["Järjestö tai seurakunta", "En förening eller församling", "An association or parish"]
        }
        Sector::Education => ["Koulu tai oppilaitos", "Skola eller läroanstalt", "School or education"],
        Sector::Other => ["Muu palvelu", "En annan tjänst", "Another service"],
    };
    choose(language, words)
}

/// What a member of the team does for the client, by the code of the role.
pub(in crate::plan) fn find_role(language: Language, code: &str) -> Option<&'static str> {
    find(PLAIN_ROLES, language, code)
}

/// A state in plain words, where the words of the page for workers are not.
pub(in crate::plan) fn find_plain_state(language: Language, code: &str) -> Option<&'static str> {
    find(PLAIN_STATES, language, code)
}

/// What an element is called on the client's page, where the label of the page for workers is not plain.
pub(in crate::plan) fn find_plain_label(language: Language, name: &str) -> Option<&'static str> {
    find(PLAIN_LABELS, language, name)
}

/// A month by its number from one, as it stands in a date without a day.
pub(in crate::plan) fn month(language: Language, number: usize) -> Option<&'static str> {
    MONTHS.get(number.checked_sub(1)?).map(|row| choose(language, *row))
}

/// A unit of time behind one, behind several, in `times a …`, and in `in three …`.
pub(in crate::plan) fn find_unit(language: Language, code: &str) -> Option<[&'static str; 4]> {
    let (_, rows) = UNITS.iter().find(|(known, _)| *known == code)?;
    Some(rows.map(|row| choose(language, row)))
}

/// A day of the week on which something is repeated.
pub(in crate::plan) fn find_weekday(language: Language, code: &str) -> Option<&'static str> {
    find(WEEKDAYS, language, code)
}

fn find(table: &[(&str, Row)], language: Language, code: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == code).map(|(_, row)| choose(language, *row))
}

const PLAIN_ROLES: &[(&str, Row)] = &[
    ("coordinator", ["Huolehtii kokonaisuudesta.", "Håller ihop helheten.", "Keeps everything together."]),
    (
        "pair-lead",
        [
            "Vastaa asioistasi yhdessä työparin kanssa.",
            "Ansvarar för dina ärenden tillsammans med ett arbetspar.",
            "Is responsible for your matters together with a co-worker.",
        ],
    ),
    (
        "responsible-expert",
        [
            "Vastaa suunnitelmastasi omassa palvelussaan.",
            "Ansvarar för din plan i sin tjänst.",
            "Is responsible for your plan in their own service.",
        ],
    ),
    ("author", ["On tehnyt sinulle suunnitelman.", "Har gjort en plan för dig.", "Made a plan for you."]),
    (
        "co-author",
        ["Oli mukana tekemässä suunnitelmaa.", "Var med och gjorde planen.", "Helped to make the plan."],
    ),
    (
        "service-provider",
        ["Järjestää sinulle palvelua.", "Ordnar en tjänst för dig.", "Provides a service for you."],
    ),
    (
        "private-person",
        [
            "Läheinen tai muu sinulle tärkeä ihminen.",
            "En närstående eller någon annan som är viktig för dig.",
            "Someone close to you or another important person.",
        ],
    ),
    (
        "CAREGIVER",
        ["Auttaa sinua läheisenä.", "Hjälper dig som närstående.", "Helps you as someone close to you."],
    ),
    (
        "consulted-expert",
        ["Antaa neuvoja työntekijöille.", "Ger råd till arbetstagarna.", "Gives advice to the workers."],
    ),
];

const PLAIN_STATES: &[(&str, Row)] = &[
    ("in-force", ["sovittu", "överenskommet", "agreed"]),
    ("scheduled", ["aika on sovittu", "tid är avtalad", "a time has been agreed"]),
    ("not-started", ["ei vielä alkanut", "har inte börjat ännu", "not started yet"]),
    ("noshow", ["et päässyt paikalle", "du kunde inte komma", "you could not come"]),
    ("entered-in-error", ["kirjattu vahingossa", "antecknat av misstag", "written down by mistake"]),
    ("on-hold", ["tauolla", "har pausats", "paused"]),
    ("suspended", ["tauolla", "har pausats", "paused"]),
    ("revoked", ["peruttu", "inställt", "cancelled"]),
    ("draft", ["vielä luonnos", "ännu ett utkast", "still a draft"]),
];

const PLAIN_LABELS: &[(&str, Row)] = &[
    ("custodian", ["Kuka säilyttää tiedot", "Vem som förvarar uppgifterna", "Who keeps the information"]),
    ("distribution", ["Kenelle suunnitelma annetaan", "Vem som får planen", "Who gets the plan"]),
    (
        "estimated-duration",
        [
            "Arvio siitä, kauanko tätä jatkuu",
            "Uppskattning av hur länge det pågår",
            "Estimate of how long this goes on",
        ],
    ),
    ("client-proposal", ["Oma toiveesi", "Ditt eget önskemål", "Your own wish"]),
    ("expressed-by", ["Samaa ehdottanut myös", "Också föreslaget av", "Also suggested by"]),
    ("expressedBy", ["Ehdottanut", "Föreslaget av", "Suggested by"]),
    ("current-service", ["Palvelut, joita saat nyt", "Tjänster som du får nu", "Services that you get now"]),
    (
        "current-services-text",
        ["Tietoa nykyisistä palveluista", "Om tjänsterna du har nu", "About the services you have now"],
    ),
    ("goal-scale", ["Mitä tavoitellaan", "Vad målet gäller", "What the goal is about"]),
    ("Goal.description", ["Aihe", "Ämne", "Topic"]),
    ("service-task", ["Palvelun alue", "Tjänstens område", "Area of the service"]),
    ("dueDate", ["Määräpäivä", "Slutdatum", "Target date"]),
    ("lifecycleStatus", ["Tilanne", "Läge", "Status"]),
    ("status", ["Tilanne", "Läge", "Status"]),
    ("clinicalStatus", ["Tilanne", "Läge", "Status"]),
    ("statusReason", ["Syy", "Orsak", "Reason"]),
    ("status-reason", ["Syy", "Orsak", "Reason"]),
    ("statusDate", ["Muuttunut", "Ändrat", "Changed"]),
    ("performer", ["Kuka hoitaa", "Vem som sköter det", "Who does it"]),
    ("recorder", ["Kirjannut", "Antecknat av", "Written down by"]),
    ("requester", ["Pyytänyt", "Begärt av", "Asked for by"]),
    ("author", ["Tekijä", "Gjord av", "Made by"]),
    ("contributor", ["Mukana tekemässä", "Medverkat", "Helped to make it"]),
    ("period", ["Voimassa", "Gäller", "In force"]),
    ("text", ["Kuvaus", "Beskrivning", "Description"]),
    ("reference", ["Liittyy", "Hör ihop med", "Belongs to"]),
    ("target", ["Mihin pyrit", "Vad du siktar på", "What you aim for"]),
    ("factor", ["Asia", "Sak", "Matter"]),
    ("situation-factor", ["Mikä vaikuttaa", "Vad som inverkar", "What has an effect"]),
    ("review", ["Suunnitelman arviointi", "Översyn av planen", "Review of the plan"]),
];

const WEEKDAYS: &[(&str, Row)] = &[
    ("mon", ["maanantaisin", "på måndagar", "on Mondays"]),
    ("tue", ["tiistaisin", "på tisdagar", "on Tuesdays"]),
    ("wed", ["keskiviikkoisin", "på onsdagar", "on Wednesdays"]),
    ("thu", ["torstaisin", "på torsdagar", "on Thursdays"]),
    ("fri", ["perjantaisin", "på fredagar", "on Fridays"]),
    ("sat", ["lauantaisin", "på lördagar", "on Saturdays"]),
    ("sun", ["sunnuntaisin", "på söndagar", "on Sundays"]),
];

const MONTHS: [Row; 12] = [
    ["tammikuu", "januari", "January"],
    ["helmikuu", "februari", "February"],
    ["maaliskuu", "mars", "March"],
    ["huhtikuu", "april", "April"],
    ["toukokuu", "maj", "May"],
    ["kesäkuu", "juni", "June"],
    ["heinäkuu", "juli", "July"],
    ["elokuu", "augusti", "August"],
    ["syyskuu", "september", "September"],
    ["lokakuu", "oktober", "October"],
    ["marraskuu", "november", "November"],
    ["joulukuu", "december", "December"],
];

const UNITS: &[(&str, [Row; 4])] = &[
    (
        "min",
        [
            ["minuutti", "minut", "minute"],
            ["minuuttia", "minuter", "minutes"],
            ["minuutissa", "i minuten", "a minute"],
            ["minuutin", "minuter", "minutes"],
        ],
    ),
    (
        "h",
        [
            ["tunti", "timme", "hour"],
            ["tuntia", "timmar", "hours"],
            ["tunnissa", "i timmen", "an hour"],
            ["tunnin", "timmar", "hours"],
        ],
    ),
    (
        "d",
        [
            ["päivä", "dag", "day"],
            ["päivää", "dagar", "days"],
            ["päivässä", "om dagen", "a day"],
            ["päivän", "dagar", "days"],
        ],
    ),
    (
        "wk",
        [
            ["viikko", "vecka", "week"],
            ["viikkoa", "veckor", "weeks"],
            ["viikossa", "i veckan", "a week"],
            ["viikon", "veckor", "weeks"],
        ],
    ),
    (
        "mo",
        [
            ["kuukausi", "månad", "month"],
            ["kuukautta", "månader", "months"],
            ["kuukaudessa", "i månaden", "a month"],
            ["kuukauden", "månader", "months"],
        ],
    ),
    (
        "a",
        [
            ["vuosi", "år", "year"],
            ["vuotta", "år", "years"],
            ["vuodessa", "om året", "a year"],
            ["vuoden", "år", "years"],
        ],
    ),
];

const _: () =
    assert!(is_table(PLAIN_ROLES) && is_table(PLAIN_STATES) && is_table(PLAIN_LABELS) && is_table(WEEKDAYS));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fills_a_message_is_not_filled_again() {
        let said = fill(Language::En, Message::Times, &[("times", "{unit}"), ("unit", "a week")]);
        assert_eq!(said, "{unit} times a week");
    }
}
