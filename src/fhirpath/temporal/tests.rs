use super::super::quantity::Calendar;
use super::*;

fn read(text: &str) -> Option<Temporal> {
    match text.strip_prefix('T') {
        Some(time) => Temporal::time(time),
        None if text.contains('T') => Temporal::date_time(text.strip_suffix('T').unwrap_or(text)),
        None => Temporal::date(text),
    }
}

fn show(value: Option<Temporal>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

fn check_compare(left: &str, right: &str, expected: Option<Ordering>) {
    let found = read(left).zip(read(right)).map(|(left, right)| left.compare(right));
    assert_eq!(found, Some(expected), "{left} {right}");
    let back = read(right).zip(read(left)).map(|(right, left)| right.compare(left));
    assert_eq!(back, Some(expected.map(Ordering::reverse)), "{right} {left}");
}

fn check_plus(value: &str, amount: &str, unit: Calendar, expected: &str) {
    let amount = Decimal::parse(amount).unwrap_or(Decimal::ZERO);
    assert_eq!(show(read(value).and_then(|value| value.plus(amount, unit))), expected, "{value} {amount}");
}

#[test]
fn what_is_written_comes_back() {
    for text in ["2015", "2015-02", "2015-02-04T14:34:28.120+10:00", "2016-02-29", "2015-02-04T14:34:28Z"] {
        assert_eq!(show(read(text)), text);
    }
    for text in [
        "2015-13",
        "2015-02-29",
        "0000",
        "15",
        "2015T10:00",
        "2015-02-04T25",
        "T24",
        "2015-02-04T10:00+25:00",
    ] {
        assert_eq!(show(read(text)), "none", "{text}");
    }
}

#[test]
fn precision_and_zones_may_leave_the_order_open() {
    use Ordering::{Equal, Less};
    check_compare("2012-01", "2012", None);
    check_compare("2012-01", "2013", Some(Less));
    check_compare("2012-04-15T15:00:00+02:00", "2012-04-15T16:00:00+03:00", Some(Equal));
    check_compare("2012-04-15T15:00:00Z", "2012-04-15T16:00:00", None);
    check_compare("2012-04-15T15:00:00Z", "2012-04-17T16:00:00", Some(Less));
    check_compare("2012-04-15", "2012-04-15T16:00:00Z", None);
    check_compare("2012-04-15", "2012-04-16T16:00:00Z", Some(Less));
    check_compare("T10:30:00", "T10:30:00.0", Some(Equal));
    check_compare("T10:30", "2012", None);
}

#[test]
fn durations_follow_the_calendar() {
    check_plus("2016-02-29", "1", Calendar::Year, "2017-02-28");
    check_plus("2015-01-31", "1", Calendar::Month, "2015-02-28");
    check_plus("2015-01-31", "-2.9", Calendar::Month, "2014-11-30");
    check_plus("2014", "23", Calendar::Month, "2015");
    check_plus("2016", "365", Calendar::Day, "2017");
    check_plus("1973-12-25T00:00:00.000+10:00", "0.1", Calendar::Second, "1973-12-25T00:00:00.100+10:00");
    check_plus("1973-12-31T23:59:59", "1", Calendar::Second, "1974-01-01T00:00:00");
    check_plus("T23:00:00", "50", Calendar::Hour, "01:00:00");
    check_plus("T00:30", "-1", Calendar::Hour, "23:30");
    check_plus("9999-12-31", "1", Calendar::Day, "none");
    check_plus("2015-01-31", "1", Calendar::Hour, "none");
    check_plus("T10:00", "1", Calendar::Day, "none");
}

#[test]
fn boundaries_fill_what_is_not_known() {
    let check = |text: &str, bound: Bound, digits: i32, expected: &str| {
        assert_eq!(show(read(text).and_then(|value| value.boundary(bound, Some(digits)))), expected);
    };
    check("2014", Bound::Low, 6, "2014-01");
    check("2012-02", Bound::High, 8, "2012-02-29");
    check("2014-01-01T08:05", Bound::Low, 17, "2014-01-01T08:05:00.000+14:00");
    check("2014-01-01T08", Bound::High, 17, "2014-01-01T08:59:59.999-12:00");
    check("T10:30", Bound::High, 9, "10:30:59.999");
    check("2014", Bound::High, 5, "none");
    check("2014", Bound::High, 17, "none");
}
