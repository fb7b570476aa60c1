//! Days as code lists write them.

/// A day as FHIR has it: of `2026-01-31`, `2026-01-31T00:00:00`, `31.1.2026` or `20260131`.
pub(super) fn day(text: &str) -> Option<String> {
    let text = text.trim();
    let parts: Vec<&str> = text.split('.').collect();
    let (year, month, day) = match parts.as_slice() {
        [day, month, year] => (*year, *month, *day),
        _ => {
            let plain: String = text.split(['T', ' ']).next().unwrap_or_default().replace('-', "");
            let part = |from: usize, to: usize| plain.get(from..to).map(str::to_owned);
            if plain.len() != 8 {
                return None;
            }
            return of(&part(0, 4)?, &part(4, 6)?, &part(6, 8)?);
        }
    };
    of(year, month, day)
}

fn of(year: &str, month: &str, day: &str) -> Option<String> {
    let number = |text: &str| text.trim().parse::<u32>().ok();
    let (year, month, day) = (number(year)?, number(month)?, number(day)?);
    let is_day = (1800..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    is_day.then(|| format!("{year:04}-{month:02}-{day:02}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_as_it_is_written() {
        let check = |text: &str, expected: Option<&str>| assert_eq!(day(text).as_deref(), expected, "{text}");
        check("2026-01-31", Some("2026-01-31"));
        check("2026-01-31T00:00:00+02:00", Some("2026-01-31"));
        check("31.1.2026", Some("2026-01-31"));
        check("20260131", Some("2026-01-31"));
        check("1.13.2026", None);
        check("tammikuu", None);
        check("", None);
    }
}
