use alloc::format;
use alloc::string::String;

use super::read::Date;

/// What JavaScript's `Date` can hold: 100 million days around 1970.
const MOST_SECONDS: i64 = 8_640_000_000_000;

impl Date {
    /// As `Date.prototype.toISOString`; `None` for a date that is none to JavaScript.
    pub(super) fn to_iso(self) -> Option<String> {
        let Self { seconds, millis } = self;
        let legal = -MOST_SECONDS..MOST_SECONDS;
        if !legal.contains(&seconds) && (seconds, millis) != (MOST_SECONDS, 0) {
            return None;
        }
        let (year, month, day) = civil(seconds.div_euclid(86_400));
        let second = seconds.rem_euclid(86_400);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let year = match year {
            0..=9999 => format!("{year:04}"),
            _ => format!("{year:+07}"),
        };
        Some(format!(
            "{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z"
        ))
    }
}

/// Year, month and day of the Gregorian calendar, of a number of days since 1970-01-01.
///
/// Years are counted from March, so that a leap day is the last of its year, and in eras of
/// 400 years, which are all alike.
fn civil(days: i64) -> (i64, i64, i64) {
    const DAYS_OF_ERA: i64 = 146_097;
    // 0000-03-01 is 719 468 days before 1970-01-01.
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(DAYS_OF_ERA), days.rem_euclid(DAYS_OF_ERA));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (era * 400 + year + next_year, month, day)
}
