//! Text as searches compare it: lower case, without marks, with single spaces (FHIR R4, "Search", "string").

use std::borrow::Cow;

/// The text in lower case, without marks above and below letters, with runs of white space as one space.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        for character in word.chars() {
            if character.is_ascii() {
                folded.push(character.to_ascii_lowercase());
            } else {
                push_plain(character, &mut folded);
            }
        }
    }
    folded
}

/// A code in lower case: systems whose codes differ by case alone are rare, and a search that finds too much does less
/// harm than one that finds too little (FHIR R4, "Search", "token").
pub(super) fn fold_code(code: &str) -> Cow<'_, str> {
    let plain = code.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if plain { Cow::Borrowed(code) } else { Cow::Owned(code.to_lowercase()) }
}

/// The start of a text that fits into a key.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or(0)).unwrap_or("")
}

/// Letters with marks, each row from its first character on, as the letters that they are without by the
/// decompositions of Unicode; `.` is one that stays as it is.
const ROWS: &[(u32, &str)] = &[
    (0xE0, "aaaaaa.ceeeeiiii.nooooo..uuuuy.y"),
    (
        0x100,
        "aaaaaaccccccccdd..eeeeeeeeeegggggggghh..iiiiiiiii...jjkk.llllll....nnnnnn...oooooo..rrrrrrsssssssstttt..\
         uuuuuuuuuuuuwwyyyzzzzzz",
    ),
    (0x1CD, "aaiioouuuuuuuuuu"),
    (0x1E2, "....ggkkoooo..j...gg..nnaa....aaaaeeeeiiiioooorrrruuuusstt..hh......aaeeooooooooyy"),
    (
        0x1E00,
        "aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmmmmmmnnnnnnnnoooooooopppprrrrrrrrssssssssss\
         ttttttttuuuuuuuuuuvvvvwwwwwwwwwwxxxxyyzzzzzzhtwy",
    ),
    (0x1EA0, "aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeeeeeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyy"),
];

fn push_plain(character: char, folded: &mut String) {
    // Marks that follow their letter.
    if matches!(character, '\u{300}'..='\u{36F}') {
        return;
    }
    for lower in character.to_lowercase() {
        match lower {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' | 'ð' => folded.push(if lower == 'ø' { 'o' } else { 'd' }),
            'þ' => folded.push_str("th"),
            'ł' => folded.push('l'),
            'đ' => folded.push('d'),
            'ё' => folded.push('е'),
            'й' => folded.push('и'),
            '\u{300}'..='\u{36F}' => {}
            _ => folded.push(plain(lower).unwrap_or(lower)),
        }
    }
}

fn plain(letter: char) -> Option<char> {
    let number = u32::from(letter);
    let (first, row) = ROWS.iter().rev().find(|(first, _)| *first <= number)?;
    let at = usize::try_from(number - first).ok()?;
    let found = *row.as_bytes().get(at)?;
    (found != b'.').then(|| char::from(found))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn text_is_compared_without_case_and_marks() {
        let check = |text: &str, expected: &str| assert_eq!(fold(text), expected, "{text}");
        check("Mäkelä  Åström", "makela astrom");
        check("ÉLÈVE\tçà", "eleve ca");
        check("Ma\u{308}kela\u{308}", "makela");
        check("Straße Łódź Đorđe", "strasse lodz dorde");
        check("Žižka Őry Ñandú İzmir Ştefan Țara", "zizka ory nandu izmir stefan tara");
        check("Nguyễn Thị Hồng", "nguyen thi hong");
        check("Ирина Ёлкин", "ирина елкин");
        check("李", "李");
    }

    /// Each letter of the rows is a letter with a mark, by what Unicode calls it in the standard library: it has a
    /// lower-case form or is one.
    #[test]
    fn rows_are_of_letters() {
        for (first, row) in ROWS {
            for (number, plain) in (*first..).zip(row.chars()) {
                let letter = char::from_u32(number).unwrap();
                assert!(letter.is_alphabetic() || plain == '.', "{number:x}");
            }
        }
        assert_eq!(
            (plain('ẑ'), plain('ỹ'), plain('ữ'), plain('ż')),
            (Some('z'), Some('y'), Some('u'), Some('z'))
        );
        assert_eq!(
            (plain('ś'), plain('ő'), plain('ř'), plain('ů')),
            (Some('s'), Some('o'), Some('r'), Some('u'))
        );
    }

    #[test]
    fn a_text_is_cut_where_a_character_starts() {
        assert_eq!(cut("abc", 2), "ab");
        assert_eq!(cut("aä", 2), "a");
        assert_eq!(cut("", 2), "");
    }
}
