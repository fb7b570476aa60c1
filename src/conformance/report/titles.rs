//! What the codes of findings mean, in Finnish and in Swedish. English stands in the registry.

use super::words::Language;
use crate::diag::codes;

/// The meaning of a code in a language; none where it is not translated, and for a number that no code has.
pub(super) fn title(id: &str, language: Language) -> Option<&'static str> {
    let own = || TITLES.iter().find(|(code, ..)| *code == id);
    match language {
        Language::En => codes::find(id).map(|code| code.title),
        Language::Fi => own().map(|(_, fi, _)| *fi),
        Language::Sv => own().map(|(.., sv)| *sv),
    }
}

/// Code, Finnish, Swedish.
const TITLES: &[(&str, &str, &str)] = &[
    ("F101", "tavut eivät ole kelvollisia merkistössään", "byte är inte giltiga i sin teckenkodning"),
    ("F102", "JSON ei ole oikein muodostettu", "JSON är inte rätt uppbyggd"),
    ("F103", "JSON-oliossa on sama avain kahdesti", "ett JSON-objekt har samma nyckel två gånger"),
    ("F104", "yksinäinen korvikemerkki ei ole merkki", "ett ensamt surrogat är inget tecken"),
    ("F105", "XML ei ole oikein muodostettu", "XML är inte rätt uppbyggd"),
    ("F106", "DOCTYPE-määritystä ei hyväksytä", "DOCTYPE godtas inte"),
    ("F107", "raja ylittyi", "en gräns överskreds"),
    (
        "F108",
        "FHIR JSON tai XML on muodossa, jota FHIR ei salli",
        "FHIR JSON eller XML har en form som FHIR inte tillåter",
    ),
    ("F109", "asiakirjan muotoa ei tunnistettu", "dokumentets format kändes inte igen"),
    ("F111", "asiakirja päättyy kesken", "dokumentet slutar för tidigt"),
    ("F112", "nimiavaruuden etuliitettä ei ole määritelty", "ett namnrymdsprefix är inte deklarerat"),
    ("F113", "entiteetti ei ole mikään XML:n viidestä", "en entitet är ingen av XML:s fem"),
    (
        "F114",
        "FHIRissä ei ole tällaista elementtiä, attribuuttia tai resurssia",
        "FHIR har inget sådant element, attribut eller resurs",
    ),
    ("V301", "pakettia ei voi lukea", "ett paket kan inte läsas"),
    ("V302", "määritystä ei tunneta", "en definition är inte känd"),
    ("V303", "määritys ei ole oikein muodostettu", "en definition är inte rätt uppbyggd"),
    (
        "V304",
        "paketti, josta toinen riippuu, ei ole käytettävissä",
        "ett paket som ett annat beror på finns inte till hands",
    ),
    ("V305", "paketti ei ole se, jonka lukkotiedosto nimeää", "ett paket är inte det som låsfilen anger"),
    ("V310", "määrityksessä ei ole tällaista elementtiä", "definitionen har inget sådant element"),
    (
        "V311",
        "elementti on luettelo, vaikka ei saisi, tai päinvastoin",
        "ett element är en lista där det inte får, eller tvärtom",
    ),
    (
        "V312",
        "arvolla on toinen JSON-tyyppi kuin elementillään",
        "ett värde har en annan JSON-typ än sitt element",
    ),
    ("V313", "arvo ei ole tietotyyppinsä muodossa", "ett värde har inte sin datatyps form"),
    ("V314", "elementti on tyhjä", "ett element är tomt"),
    ("V315", "pakollinen elementti puuttuu", "ett obligatoriskt element saknas"),
    ("V316", "elementti on useammin kuin saisi", "ett element förekommer oftare än det får"),
    (
        "V317",
        "monityyppinen elementti on kahdella tyypillä",
        "ett element med flera typer står med två av dem",
    ),
    ("V318", "XML-elementti on väärässä kohdassa", "ett XML-element står i fel ordning"),
    ("V319", "tässä ei saa olla tämän tyypin resurssia", "en resurs av den typen får inte stå här"),
    ("V320", "sääntö (invariantti) ei toteudu", "en regel (invariant) gäller inte"),
    ("V321", "arvo ei ole profiilin kiinnittämä arvo", "ett värde är inte det fasta"),
    ("V322", "arvosta puuttuu, mitä kaava vaatii", "ett värde har inte det som mönstret kräver"),
    ("V323", "arvo on sallitun alueen ulkopuolella", "ett värde är utanför sitt område"),
    ("V324", "teksti on pitempi kuin saisi", "en text är längre än den får vara"),
    ("V325", "koodi ei ole elementtinsä arvojoukossa", "en kod finns inte i elementets värdemängd"),
    ("V326", "koodi ei ole koodistossaan", "en kod finns inte i sitt kodsystem"),
    ("V327", "näyttönimi ei ole koodiston antama", "ett visningsnamn är inte det som kodsystemet ger"),
    ("V328", "arvon tyyppi ei ole profiilin sallima", "ett värde har en typ som profilen inte tillåter"),
    ("V329", "resurssin kahdella elementillä on sama tunniste", "två element i en resurs har samma id"),
    ("V330", "viittauksen kohde on väärää tyyppiä", "en referens leder till en typ som den inte får"),
    ("V331", "viittaus ei johda mihinkään", "en referens leder ingenstans"),
    (
        "V332",
        "viittauksen kohde ei sovi profiiliin",
        "en referens leder till en resurs som inte passar profilen",
    ),
    ("V335", "laajennuksen määritystä ei tunneta", "definitionen av en utökning är inte känd"),
    ("V336", "laajennus on paikassa, jossa se ei saa olla", "en utökning står där den inte får"),
    (
        "V337",
        "laajennus muuttaa merkitystä vastoin määritystään",
        "en utökning ändrar betydelsen mot sin definition, eller tvärtom",
    ),
    (
        "V340",
        "rivin täysi osoite (fullUrl) puuttuu tai on väärä",
        "en posts fullständiga adress (fullUrl) saknas eller är fel",
    ),
    ("V341", "asiakirjan tai sanoman riviin ei viitata", "en post i ett dokument eller meddelande nås inte"),
    (
        "V345",
        "kuvaustekstissä on merkintöjä, joita siinä ei saa olla",
        "en beskrivning har märkning som den inte får ha",
    ),
    ("V346", "kuvaustekstin linkki ei johda mihinkään", "en länk i en beskrivning leder ingenstans"),
    (
        "V347",
        "liite ei ole sellainen kuin siitä sanotaan",
        "det som en bilaga säger om sina data stämmer inte",
    ),
    ("V348", "tekstissä on HTML:n näköistä", "en text innehåller något som ser ut som HTML"),
    ("V350", "pakollinen osajoukko (slice) puuttuu", "en obligatorisk delmängd (slice) saknas"),
    ("V351", "osajoukko (slice) on useammin kuin saisi", "en delmängd (slice) förekommer oftare än den får"),
    ("V352", "elementti ei sovi mihinkään osajoukkoon", "ett element passar ingen delmängd"),
    ("V353", "osajoukot ovat väärässä järjestyksessä", "delmängder står i fel ordning"),
    ("V354", "profiilia ei tunneta", "en profil är inte känd"),
    ("V355", "profiili ei ole tälle tyypille", "en profil är inte för den här typen"),
    (
        "V356",
        "arvo ei sovi mihinkään sallituista profiileista",
        "ett värde passar ingen av de tillåtna profilerna",
    ),
    ("V359", "jotakin ei voitu tarkistaa", "något kunde inte kontrolleras"),
    ("X601", "tiedostoa ei voi lukea tai kirjoittaa", "en fil kan inte läsas eller skrivas"),
    ("C701", "asiakirja ei sovi JSON Schema -kaavioon", "ett dokument passar inte JSON-schemat"),
    ("C702", "JSON Schema -kaaviota ei voi käyttää", "ett JSON-schema kan inte användas"),
    ("C710", "tunnettujen havaintojen luettelo on väärässä muodossa", "listan över kända fynd har fel form"),
    ("C711", "tunnettu havainto ei enää toistu", "ett känt fynd förekommer inte längre"),
    ("C712", "tunnetun havainnon määräaika on mennyt", "tiden för ett känt fynd är ute"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_translated_code_exists_once() {
        let mut ids: Vec<&str> = TITLES.iter().map(|(id, ..)| *id).collect();
        assert!(ids.iter().all(|id| codes::find(id).is_some()));
        ids.dedup();
        assert_eq!(ids.len(), TITLES.len());
        assert_eq!(title("V325", Language::Fi), Some("koodi ei ole elementtinsä arvojoukossa"));
    }
}
