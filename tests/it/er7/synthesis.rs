//! Messages of patient care from a seed, as real systems send them: every version, all action codes, roles or
//! participations, escapes, repetitions, `""`, and odd ways of writing. Public messages hold two GOL segments in all.

use sauma::mapping::Random;

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Goal,
    Problem,
    Pathway,
    Identity,
    Referral,
}

pub(crate) const FAMILIES: [Family; 5] =
    [Family::Goal, Family::Problem, Family::Pathway, Family::Identity, Family::Referral];

const VERSIONS: [&str; 9] = ["2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.9"];
const ACTIONS: [&str; 8] = ["AD", "UP", "DE", "UN", "LI", "CO", "ST", "UC"];
const WORDS: [&str; 12] =
    ["uni", "kävely", "työ", "a|b", "c^d", "e&f", "g~h", "i\\j", "Ä Ö", "rivi\nrivi", "viikoittain", "tuki"];

/// The message of a seed, as bytes in the character set that it names.
pub(crate) fn message(family: Family, seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let version = random.below(VERSIONS.len());
    let signs = if random.chance(10) { ['$', '%', '!', '/', '@'] } else { ['|', '^', '~', '\\', '&'] };
    let set = random.below(3);
    let mut maker = Maker { random, signs, version, set, number: 0, segments: Vec::new() };
    maker.header(family, seed);
    match family {
        Family::Goal => maker.goals(),
        Family::Problem => maker.problems(),
        Family::Pathway => maker.pathway(),
        Family::Identity => maker.identity(),
        Family::Referral => maker.referral(),
    }
    maker.bytes()
}

struct Maker {
    random: Random,
    signs: [char; 5],
    version: usize,
    /// UTF-8 without and with its name, ISO 8859-1.
    set: usize,
    number: usize,
    segments: Vec<String>,
}

impl Maker {
    /// A text, written so that it survives.
    fn text(&mut self) -> String {
        let words: Vec<&str> =
            (0..=self.random.below(2)).map(|_| self.random.pick(&WORDS).unwrap()).collect();
        let [field, component, repetition, escape, subcomponent] = self.signs;
        let mut out = String::new();
        for character in words.join(" ").chars() {
            let named = match character {
                c if c == field => "F",
                c if c == component => "S",
                c if c == repetition => "R",
                c if c == escape => "E",
                c if c == subcomponent => "T",
                '\n' => ".br",
                other => {
                    out.push(other);
                    continue;
                }
            };
            out.extend([escape]);
            out.push_str(named);
            out.push(escape);
        }
        if self.random.chance(5) { format!("{escape}H{escape}{out}{escape}N{escape}") } else { out }
    }

    fn joined(&self, sign: usize, parts: &[String]) -> String {
        parts.join(&self.signs[sign].to_string())
    }

    fn time(&mut self) -> String {
        let day = format!(
            "20{:02}{:02}{:02}",
            10 + self.random.below(16),
            1 + self.random.below(12),
            1 + self.random.below(28)
        );
        match self.random.below(5) {
            0 => format!("{day}1230"),
            1 => format!("{day}123015+0200"),
            2 => day[..6].to_owned(),
            _ => day,
        }
    }

    fn id(&mut self) -> String {
        self.number += 1;
        let number = format!("T{}", self.number * 7);
        match self.random.below(3) {
            0 => number,
            1 => self.joined(1, &[number, "EHR".to_owned()]),
            _ => self.joined(1, &[number, String::new(), "1.2.246.10.99".to_owned(), "ISO".to_owned()]),
        }
    }

    fn coded(&mut self) -> String {
        let text = self.text();
        match self.random.below(4) {
            0 => self.joined(1, &[String::new(), text]),
            1 => self.joined(
                1,
                &[
                    "85354-9".to_owned(),
                    text,
                    "LN".to_owned(),
                    "x1".to_owned(),
                    "oma".to_owned(),
                    "L".to_owned(),
                ],
            ),
            2 => "F32".to_owned(),
            _ => self.joined(1, &["d450".to_owned(), text, "SCT".to_owned()]),
        }
    }

    fn status(&mut self, of: &[&str]) -> String {
        self.random.pick(of).unwrap().to_owned()
    }

    fn repeated(&mut self, mut make: impl FnMut(&mut Self) -> String) -> String {
        let many: Vec<String> = (0..=self.random.below(2)).map(|_| make(self)).collect();
        self.joined(2, &many)
    }

    fn person(&mut self) -> String {
        let family = if self.random.chance(10) {
            self.joined(4, &["af Testi".to_owned(), "af".to_owned(), "Testi".to_owned()])
        } else {
            "Testikoivu".to_owned()
        };
        let parts = ["H123", &family, "Aino", "Maria", "", "TtM"].map(str::to_owned);
        self.joined(1, &parts)
    }

    fn phone(&mut self) -> String {
        let kind = self.random.pick(&["PH", "CP", "FX"]).unwrap().to_owned();
        if self.random.chance(20) {
            let parts =
                [String::new(), "NET".to_owned(), "Internet".to_owned(), "aino@example.org".to_owned()];
            return self.joined(1, &parts);
        }
        self.joined(1, &["+358401234567".to_owned(), "PRN".to_owned(), kind])
    }

    /// A segment of its fields by number; sometimes a field is to be deleted, or signs stand at its end for nothing.
    fn segment(&mut self, name: &str, fields: Vec<(usize, String)>) {
        let last = fields.iter().map(|(number, _)| *number).max().unwrap_or(0);
        let mut values = vec![String::new(); last];
        for (number, value) in fields {
            // What identifies a thing and says what to do with it is always there.
            let may_go = number > 4 && self.random.chance(3);
            values[number - 1] = if may_go { "\"\"".to_owned() } else { value };
        }
        if self.random.chance(10) {
            values.extend([String::new(), String::new()]);
        }
        let sign = self.signs[0];
        self.segments.push(format!("{name}{sign}{}", self.joined(0, &values)));
        if self.random.chance(3) {
            self.segments.push(format!("ZFI{sign}oma{sign}tieto"));
        }
    }

    fn header(&mut self, family: Family, seed: u64) {
        let code = match family {
            Family::Goal => ["PGL", "PC6", "PC7", "PC8"],
            Family::Problem => ["PPR", "PC1", "PC2", "PC3"],
            Family::Pathway => ["PPP", "PCB", "PCC", "PCD"],
            Family::Identity => ["ADT", "A01", "A08", "A31"],
            Family::Referral => ["REF", "I12", "I13", "I14"],
        };
        let trigger = code[1 + self.random.below(3)].to_owned();
        let kind = self.joined(1, &[code[0].to_owned(), trigger]);
        let [field, component, repetition, escape, subcomponent] = self.signs;
        let mut values = vec![String::new(); 16];
        "YKSIKKO".clone_into(&mut values[0]);
        values[4] = self.time();
        values[6] = kind;
        values[7] = format!("M{seed}");
        "P".clone_into(&mut values[8]);
        VERSIONS[self.version].clone_into(&mut values[9]);
        ["", "UNICODE UTF-8", "8859/1"][self.set].clone_into(&mut values[15]);
        let rest = self.joined(0, &values);
        self.segments.push(format!("MSH{field}{component}{repetition}{escape}{subcomponent}{field}{rest}"));
        if family == Family::Identity {
            let time = self.time();
            self.segment("EVN", vec![(2, time)]);
        }
        if family != Family::Referral {
            self.client();
        }
    }

    fn client(&mut self) {
        let authority = self.joined(4, &[String::new(), "1.2.246.21".to_owned(), "ISO".to_owned()]);
        let code = self
            .joined(1, &["140379-9128".to_owned(), String::new(), String::new(), authority, "NI".to_owned()]);
        let local = self.id();
        let identifiers = if self.random.chance(50) { self.joined(2, &[code, local]) } else { code };
        let name = self.joined(1, &["Testikoivu", "Aino", "Maria", "", "rva", "", "L"].map(str::to_owned));
        let address =
            self.joined(1, &["Testitie 1", "", "Tampere", "", "33100", "FI", "H"].map(str::to_owned));
        let (home, work) = (self.repeated(Self::phone), self.phone());
        let sex = self.status(&["F", "M", "U", "O"]);
        let fields = vec![
            (3, identifiers),
            (5, name),
            (7, "19790314".to_owned()),
            (8, sex),
            (11, address),
            (13, home),
            (14, work),
        ];
        self.segment("PID", fields);
        if self.random.chance(40) {
            self.segment("PV1", vec![(2, "O".to_owned())]);
        }
    }

    fn notes(&mut self) {
        for number in 0..self.random.below(3) {
            let text = self.text();
            self.segment("NTE", vec![(1, (number + 1).to_string()), (3, text)]);
        }
    }

    /// Those who take part: roles up to 2.6, participations from 2.7.
    fn team(&mut self) {
        let is_role = self.version < 6;
        for _ in 0..self.random.below(3) {
            let (id, role, person) = (self.id(), self.coded(), self.person());
            let (start, end, phone) = (self.time(), self.time(), self.phone());
            let unit = "Kotikuntoutus".to_owned();
            let action = self.status(&["AD", "UP", "DE"]);
            if is_role {
                let fields = vec![
                    (1, id),
                    (2, action),
                    (3, role),
                    (4, person),
                    (5, start),
                    (6, end),
                    (12, phone),
                    (14, unit),
                ];
                self.segment("ROL", fields);
            } else {
                let fields = vec![
                    (1, id),
                    (2, action),
                    (4, role),
                    (5, person),
                    (8, unit),
                    (11, start),
                    (12, end),
                    (15, phone),
                ];
                self.segment("PRT", fields);
            }
        }
    }

    fn observations(&mut self) {
        for number in 0..self.random.below(3) {
            let (code, time) = (self.coded(), self.time());
            let (kind, value) = match self.random.below(4) {
                0 => ("NM", "12.50".to_owned()),
                1 => ("CWE", self.coded()),
                2 => ("TX", self.text()),
                _ => ("ST", self.text()),
            };
            let fields = vec![
                (1, (number + 1).to_string()),
                (2, kind.to_owned()),
                (3, code),
                (5, value),
                (6, if kind == "NM" { "min".to_owned() } else { String::new() }),
                (11, "F".to_owned()),
                (14, time),
            ];
            self.segment("OBX", fields);
            self.notes();
        }
    }

    fn order(&mut self) {
        if self.random.chance(30) {
            let (placer, filler, code, time) = (self.id(), self.id(), self.coded(), self.time());
            let status = self.status(&["IP", "CM", "HD", "XX"]);
            self.segment("ORC", vec![(1, "NW".to_owned()), (2, placer), (3, filler), (5, status), (9, time)]);
            self.segment("OBR", vec![(1, "1".to_owned()), (4, code)]);
        }
    }

    fn goal(&mut self) {
        let (code, id, class) = (self.coded(), self.id(), self.coded());
        let times: Vec<String> = (0..4).map(|_| self.time()).collect();
        let (evaluation, comments) = (self.coded(), self.repeated(Self::text));
        let status = self.status(&["active", "Active", "completed", "proposed", "oma tila"]);
        let action = self.random.pick(&ACTIONS).unwrap().to_owned();
        let fields = vec![
            (1, action),
            (2, times[0].clone()),
            (3, code),
            (4, id),
            (6, "1".to_owned()),
            (7, times[1].clone()),
            (8, times[2].clone()),
            (9, class),
            (16, evaluation),
            (17, comments),
            (18, status),
            (19, times[3].clone()),
        ];
        self.segment("GOL", fields);
        self.notes();
    }

    fn problem(&mut self) {
        let (code, id, time, onset) = (self.coded(), self.id(), self.time(), self.time());
        let status = self.status(&["ACTIVE", "Resolved", "remission", "Deleted"]);
        let action = self.random.pick(&ACTIONS).unwrap().to_owned();
        let fields = vec![
            (1, action),
            (2, time.clone()),
            (3, code),
            (4, id),
            (7, time),
            (13, "confirmed".to_owned()),
            (14, status),
            (16, onset),
        ];
        self.segment("PRB", fields);
        self.notes();
    }

    fn goals(&mut self) {
        for _ in 0..=self.random.below(3) {
            self.goal();
            self.team();
            self.observations();
            if self.random.chance(40) {
                self.problem();
                self.observations();
            }
            self.order();
        }
    }

    fn problems(&mut self) {
        for _ in 0..=self.random.below(3) {
            self.problem();
            self.team();
            self.observations();
            if self.random.chance(50) {
                self.goal();
                self.observations();
            }
            self.order();
        }
    }

    fn pathway(&mut self) {
        for _ in 0..=self.random.below(2) {
            let (code, id, time) = (self.coded(), self.id(), self.time());
            let status = self.status(&["active", "completed", "oma"]);
            let action = self.random.pick(&ACTIONS).unwrap().to_owned();
            self.segment("PTH", vec![(1, action), (2, code), (3, id), (4, time), (5, status)]);
            self.team();
            self.problems();
        }
    }

    fn identity(&mut self) {
        self.team();
        self.segment("NK1", vec![(1, "1".to_owned()), (2, "Testikoivu".to_owned())]);
        self.observations();
    }

    fn referral(&mut self) {
        let (kind, id, start, end) = (self.coded(), self.id(), self.time(), self.time());
        let reasons = self.repeated(Self::coded);
        let status = self.status(&["A", "P", "R", "E", "X"]);
        let fields =
            vec![(1, status), (2, "R".to_owned()), (3, kind), (6, id), (7, start), (8, end), (10, reasons)];
        self.segment("RF1", fields);
        for role in ["RP", "RT"] {
            let (name, phone) = (self.joined(1, &["Testi".to_owned(), "Lääkäri".to_owned()]), self.phone());
            self.segment(
                "PRD",
                vec![(1, role.to_owned()), (2, name), (5, phone), (10, "Sotekeskus".to_owned())],
            );
        }
        self.client();
        self.notes();
    }

    fn bytes(mut self) -> Vec<u8> {
        let end = ["\r", "\r", "\r", "\n", "\r\n"][self.random.below(5)];
        let mut text = self.segments.join(end);
        if self.random.chance(80) {
            text.push_str(end);
        }
        if self.random.chance(10) {
            text = format!("\u{b}{text}\u{1c}\r");
        }
        if self.set == 2 {
            text.chars().map(|c| u8::try_from(c).unwrap()).collect()
        } else {
            text.into_bytes()
        }
    }
}
