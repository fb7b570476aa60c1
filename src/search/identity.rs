//! Personal identity codes in a request: an url is written into logs all the way, so it may hold none.

/// The identifier system of the Finnish personal identity code, and those that start as it does.
const SYSTEM: &str = "urn:oid:1.2.246.21";
/// Characters of a code.
const CODE_BYTES: usize = 11;
/// Remainders of 31 as check characters.
const CHECK_CHARACTERS: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";

/// True where a value of some parameters names a person by a personal identity code, or asks within its system.
pub fn tells_identity(pairs: &[(String, String)]) -> bool {
    pairs.iter().any(|(name, value)| {
        value.contains(SYSTEM) || has_code(value.as_bytes()) || has_code(name.as_bytes())
    })
}

fn has_code(text: &[u8]) -> bool {
    let is_word = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    (0..text.len()).any(|start| {
        let end = start + CODE_BYTES;
        let alone = !is_word(start.checked_sub(1)) && !is_word(Some(end));
        alone && text.get(start..end).is_some_and(is_code)
    })
}

/// Date, sign, individual number and the check character that belongs to them. The sign of those born before 1900 may
/// have come as the space that it means in an url.
fn is_code(text: &[u8]) -> bool {
    let number = |digits: &[u8]| {
        let all = digits.iter().all(u8::is_ascii_digit);
        all.then(|| digits.iter().fold(0_usize, |sum, digit| sum * 10 + usize::from(digit - b'0')))
    };
    let (Some((date, rest)), true) = (text.split_at_checked(6), text.len() == CODE_BYTES) else {
        return false;
    };
    let [sign, first, second, third, check] = rest else { return false };
    let is_sign = matches!(sign.to_ascii_uppercase(), b'-' | b'+' | b' ' | b'A'..=b'F' | b'U'..=b'Y');
    let (Some(date), Some(individual)) = (number(date), number(&[*first, *second, *third])) else {
        return false;
    };
    let expected = CHECK_CHARACTERS.get((date * 1_000 + individual) % 31);
    is_sign && expected == Some(&check.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_personal_identity_code_is_seen() {
        let check = |value: &str, expected: bool| {
            let pairs = [("identifier".to_owned(), value.to_owned())];
            assert_eq!(tells_identity(&pairs), expected, "{value}");
        };
        check("131052-308T", true);
        check("urn:x|131052-308t", true);
        check("Patient?identifier=131052A308T,7", true);
        check("131052 308T", true);
        check("urn:oid:1.2.246.21|", true);
        check("131052-308U", false);
        check("x131052-308T", false);
        check("131052-308T1", false);
        check("2026-11-23", false);
        check("", false);
        check("äää131052", false);
    }
}
