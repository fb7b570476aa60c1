//! Numbers and values for generated documents: from one seed always the same.

use super::convert::{Convert, is_date};
use super::program::Primitive;

/// A sequence of numbers that a seed decides (splitmix64, Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub struct Random(u64);

/// Words from which texts are made. Few, so that items come to be alike; odd, so that escaping is met.
const WORDS: &[&str] = &[
    "arki",
    "Työ",
    "007",
    "1.50",
    "0",
    "kävely ulkona",
    "\"quoted\"",
    "a;b,c",
    "back\\slash",
    "<b>&amp;</b>",
    "'",
    "漢字 🙂",
    "e\u{301}",
    "tab\tin",
    "two\nlines",
    " ends with space ",
    "-",
    "true",
    "#",
    "\u{a0}",
    "{}",
    "]]>",
];

impl Random {
    /// The sequence of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`; 0 where the limit is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit.max(1)).unwrap_or(1);
        usize::try_from(self.next() % limit).unwrap_or(0)
    }

    /// True in so many of a hundred cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of the items.
    pub fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> Option<&'a T> {
        let at = self.below(items.len());
        items.get(at).copied()
    }

    /// A text of one to three words.
    pub(super) fn words(&mut self) -> String {
        let count = 1 + self.below(3);
        let words: Vec<String> = (0..count)
            .map(|_| {
                if self.chance(40) {
                    format!("sana{}", self.below(30))
                } else {
                    self.pick(WORDS).unwrap_or("x").to_owned()
                }
            })
            .collect();
        let text = words.join(" ");
        // A blank text says nothing, and no document need hold one.
        if text.trim().is_empty() { "blank".to_owned() } else { text }
    }

    /// Digits in groups, as identifiers have them.
    fn oid(&mut self) -> String {
        format!("1.2.246.{}.{}", self.below(900), self.below(9000))
    }

    fn oid_or_uuid(&mut self) -> String {
        let (root, leaf) = (self.below(900), self.below(9000));
        match leaf % 4 {
            0 => format!("{leaf:08x}-{root:04x}-4c0f-9a1b-{:012x}", leaf * root),
            _ => format!("1.2.246.{root}.{leaf}"),
        }
    }

    fn date(&mut self) -> String {
        let (year, month, day) = (1950 + self.below(100), 1 + self.below(12), 1 + self.below(31));
        let valid = is_date(number(year), Some(number(month)), Some(number(day)));
        let day = if valid { day } else { 1 };
        match self.below(5) {
            0 => format!("{year}"),
            1 => format!("{year}-{month:02}"),
            _ => format!("{year}-{month:02}-{day:02}"),
        }
    }

    fn date_time(&mut self) -> String {
        let date = self.date();
        if date.len() < 10 || self.chance(50) {
            return date;
        }
        let fraction = if self.chance(30) { format!(".{}", self.below(1000)) } else { String::new() };
        let zone = self.pick(&["Z", "+02:00", "-08:30"]).unwrap_or("Z");
        format!("{date}T{:02}:{:02}:{:02}{fraction}{zone}", self.below(24), self.below(60), self.below(60))
    }

    /// An HL7 time stamp of any precision.
    fn stamp(&mut self) -> String {
        let mut out = self.date().replace('-', "");
        if out.len() < 8 || self.chance(30) {
            return out;
        }
        let parts = self.below(3) + 1;
        for limit in [24, 60, 60].into_iter().take(parts) {
            out.extend([format!("{:02}", self.below(limit))]);
        }
        if parts == 3 && self.chance(30) {
            out.extend([format!(".{:03}", self.below(1000))]);
        }
        if self.chance(60) {
            out.push_str(self.pick(&["+0200", "-0800", "+0000"]).unwrap_or("+0200"));
        }
        out
    }

    /// A value of a FHIR primitive.
    pub(super) fn primitive(&mut self, primitive: Primitive) -> String {
        match primitive {
            Primitive::Text => self.words(),
            Primitive::Boolean => if self.chance(50) { "true" } else { "false" }.to_owned(),
            Primitive::Integer => format!("{}", self.below(200) + 1),
            Primitive::Decimal => match self.below(4) {
                0 => format!("{}.50", self.below(100)),
                1 => format!("0.{:03}", self.below(1000)),
                2 => format!("-{}", self.below(50) + 1),
                _ => format!("{}", self.below(1000)),
            },
            Primitive::Date => self.date(),
            Primitive::DateTime => self.date_time(),
            Primitive::Instant => format!("2026-02-{:02}T08:30:00Z", 1 + self.below(28)),
            Primitive::Time => format!("{:02}:{:02}:00", self.below(24), self.below(60)),
            Primitive::Code => format!("code{}", self.below(12)),
            Primitive::Id => format!("id-{}", self.below(40)),
            Primitive::Uri => format!("urn:oid:{}", self.oid()),
            Primitive::Base64 => "YWJj".to_owned(),
        }
    }

    /// A text of the unit's that a chain of conversions takes, as far as that can be told.
    pub(super) fn convertible(&mut self, chain: &[Convert], primitive: Primitive) -> String {
        let Some((first, rest)) = chain.split_first() else { return self.primitive(primitive) };
        match first {
            Convert::Ts => self.stamp(),
            Convert::Codes(map) => {
                // The rows of a table are in no order, and a seed must give one document.
                let mut codes: Vec<&str> = map.sources().collect();
                codes.sort_unstable();
                self.pick(&codes).unwrap_or("?").to_owned()
            }
            Convert::Urn => self.oid_or_uuid(),
            Convert::Prefix(prefix) if prefix.starts_with("urn:oid:") => self.oid(),
            Convert::Prefix(_) => self.convertible(rest, primitive),
            Convert::Strip(prefix) => format!("{prefix}{}", self.convertible(rest, primitive)),
            Convert::Date(_) | Convert::Bool(..) | Convert::Decimal(_) => {
                for _ in 0..8 {
                    let wanted = match first {
                        Convert::Date(_) => self.date(),
                        _ => self.primitive(primitive),
                    };
                    if let Ok(text) = first.backward(&wanted) {
                        return text.into_owned();
                    }
                }
                self.words()
            }
        }
    }
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(0)
}
