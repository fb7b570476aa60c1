//! How alike two texts are, and which of many are alike without comparing each with each.

/// From this share of common letter triples on, in percent, two texts are listed as likely the same
/// (Dice coefficient over distinct triples of the normalised texts).
pub(super) const ALIKE_PERCENT: usize = 80;
/// Texts of one owner that share one triple and are compared with others; it bounds the work on a flood of equal
/// texts.
const BUCKET_MAX: usize = 64;
/// Of those, compared with one text.
const OTHERS_MAX: usize = 256;

/// A text reduced to what is compared: its letters and digits in lower case with single spaces, as triples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Triples(Vec<u64>);

impl Triples {
    pub(super) fn new(text: &str) -> Self {
        let normal = normalise(text);
        let letters: Vec<char> =
            std::iter::once(' ').chain(normal.chars()).chain(std::iter::once(' ')).collect();
        let pack =
            |three: &[char]| three.iter().fold(0_u64, |packed, letter| packed << 21 | u64::from(*letter));
        let mut triples: Vec<u64> =
            if normal.is_empty() { Vec::new() } else { letters.windows(3).map(pack).collect() };
        triples.sort_unstable();
        triples.dedup();
        Self(triples)
    }

    /// True where the two are alike by [`ALIKE_PERCENT`].
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let (mut left, mut right) = (self.0.as_slice(), other.0.as_slice());
        let needed = (ALIKE_PERCENT * (left.len() + right.len())).div_ceil(200);
        let mut common = 0;
        // Most pairs are told apart long before their end.
        while common + left.len().min(right.len()) >= needed {
            let ([l, left_rest @ ..], [r, right_rest @ ..]) = (left, right) else { return common > 0 };
            let order = l.cmp(r);
            common += usize::from(order.is_eq());
            if order.is_le() {
                left = left_rest;
            }
            if order.is_ge() {
                right = right_rest;
            }
        }
        false
    }

    /// Triples of which two alike texts share at least one: two texts with a Dice coefficient of `d` and sizes
    /// `n <= m` share `d(n+m)/2 >= d·n` triples, and `d·m/(2-d)` of the longer one's.
    fn probe(&self) -> &[u64] {
        let shared = (self.0.len() * ALIKE_PERCENT).div_ceil(200 - ALIKE_PERCENT);
        &self.0[..(self.0.len() + 1).saturating_sub(shared).min(self.0.len())]
    }
}

/// Lower case, letters and digits only, single spaces.
pub(super) fn normalise(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    for word in text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
        if !normal.is_empty() {
            normal.push(' ');
        }
        normal.extend(word.chars().flat_map(char::to_lowercase));
    }
    normal
}

/// Whose a text is: one source's, or of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Owner {
    One(usize),
    Several,
}

impl Owner {
    /// True where what the two say alike is worth a question: one source alone means twice what it says twice.
    pub(super) fn asks(self, other: Self) -> bool {
        self != other || self == Self::Several
    }
}

/// The numbers that were put under one key, by owner, at most `max` of each: no flood of one owner keeps another's
/// out, and what one owner alone has is never looked at.
#[derive(Debug, Default)]
pub(super) struct Bucket(Vec<(Owner, usize)>);

impl Bucket {
    /// The numbers that are to be compared with one of this owner.
    pub(super) fn others(&self, owner: Owner) -> impl Iterator<Item = usize> + use<'_> {
        let asked = self.0.iter().filter(move |(other, _)| owner.asks(*other));
        asked.map(|(_, number)| *number).take(OTHERS_MAX)
    }

    pub(super) fn put(&mut self, owner: Owner, number: usize, max: usize) {
        let end = self.0.partition_point(|(other, _)| *other <= owner);
        let own = self.0[..end].iter().rev().take_while(|(other, _)| *other == owner);
        if own.take(max).count() < max {
            self.0.insert(end, (owner, number));
        }
    }
}

/// The pairs of texts of different owners that are alike, as their places in the list, smaller first.
pub(super) fn alike(texts: &[(Owner, &Triples)]) -> Vec<(usize, usize)> {
    let shared = shared_triples(texts);
    let mut buckets: Vec<Bucket> = shared.iter().map(|_| Bucket::default()).collect();
    let mut pairs = Vec::new();
    for (number, (owner, text)) in texts.iter().enumerate() {
        let mut candidates: Vec<usize> = Vec::new();
        for triple in text.probe() {
            let bucket = shared.binary_search(triple).ok().and_then(|at| buckets.get_mut(at));
            let Some(bucket) = bucket else { continue };
            candidates.extend(bucket.others(*owner));
            bucket.put(*owner, number, BUCKET_MAX);
        }
        candidates.sort_unstable();
        candidates.dedup();
        pairs.extend(candidates.into_iter().filter(|at| texts[*at].1.is_like(text)).map(|at| (at, number)));
    }
    pairs
}

/// The triples that more than one text is looked for by, in order: most texts are like none.
fn shared_triples(texts: &[(Owner, &Triples)]) -> Vec<u64> {
    let mut triples: Vec<u64> = texts.iter().flat_map(|(_, text)| text.probe()).copied().collect();
    triples.sort_unstable();
    triples.chunk_by(|a, b| a == b).filter(|same| same.len() > 1).map(|same| same[0]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(left: &str, right: &str, expected: bool) {
        let (one, other) = (Triples::new(left), Triples::new(right));
        assert_eq!(one.is_like(&other), expected, "{left} / {right}");
        let pairs = |owner| alike(&[(Owner::One(0), &one), (owner, &other)]);
        for owner in [Owner::One(1), Owner::Several] {
            assert_eq!(!pairs(owner).is_empty(), expected, "{left} / {right}");
        }
        assert_eq!(pairs(Owner::One(0)), []);
    }

    #[test]
    fn a_flood_of_one_owner_hides_nobody_else() {
        let said = Triples::new("Uni paranee");
        let mut texts = vec![(Owner::One(0), &said); BUCKET_MAX * 2];
        texts.push((Owner::One(1), &said));
        texts.push((Owner::One(2), &said));
        assert_eq!(alike(&texts).len(), BUCKET_MAX * 2 + 1);
    }

    #[test]
    fn slips_are_alike_and_other_goals_are_not() {
        check("Takaisin työelämään syksyllä", "takaisin työelämään syksyllä.", true);
        check(
            "Veloista on tehty selvitys ja maksusuunnitelma.",
            "Veloista on tehty selvitys ja maksusuunnitelmat",
            true,
        );
        check("Takaisin työelämään", "Käydä kuorossa", false);
        check("", "", false);
        check("a", "a", true);
        check("Uni paranee", "Unirytmi paranee ja jaksaminen lisääntyy", false);
    }
}
