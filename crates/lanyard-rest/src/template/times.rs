//! Times: Go's reference layouts (`2006-01-02 15:04:05`), durations, zones.

use jiff::Zoned;
use jiff::tz::TimeZone;
use lanyard_core::Timestamp;

/// RFC 3339 in UTC, with a fraction only if there is one.
pub(super) fn print(time: Timestamp) -> String {
    let text = time.to_string();
    match text.split_once('.') {
        Some((seconds, fraction)) => {
            let digits = fraction.trim_end_matches('Z').trim_end_matches('0');
            let dot = if digits.is_empty() { "" } else { "." };
            format!("{seconds}{dot}{digits}Z")
        }
        None => text,
    }
}

/// The time in a zone; an unknown zone is UTC. Nothing if the year is past what a calendar holds.
pub(super) fn in_zone(time: Timestamp, zone: &str) -> Option<Zoned> {
    let instant = jiff::Timestamp::from_microsecond(time.0).ok()?;
    let zone = if zone.is_empty() { TimeZone::UTC } else { named(zone) };
    Some(instant.to_zoned(zone))
}

fn named(zone: &str) -> TimeZone {
    // Only the bundled database is asked, so that rendering reads no file.
    jiff_database().get(zone).unwrap_or(TimeZone::UTC)
}

fn jiff_database() -> &'static jiff::tz::TimeZoneDatabase {
    static DATABASE: std::sync::OnceLock<jiff::tz::TimeZoneDatabase> = std::sync::OnceLock::new();
    DATABASE.get_or_init(jiff::tz::TimeZoneDatabase::bundled)
}

/// Writes a time as a reference layout says. The longest element at each place counts.
pub(super) fn format(layout: &str, time: &Zoned) -> String {
    let mut out = String::with_capacity(layout.len());
    let mut rest = layout;
    while let Some(next) = rest.chars().next() {
        let element = ELEMENTS.iter().find(|(name, _)| rest.starts_with(name));
        if let Some((name, write)) = element
            && !(matches!(*name, "Jan" | "Mon") && rest.get(3..).is_some_and(starts_lower))
        {
            write(&mut out, time);
            rest = rest.get(name.len()..).unwrap_or("");
            continue;
        }
        if let Some(length) = fraction(rest, &out) {
            push_fraction(&mut out, rest.get(..length).unwrap_or(""), time);
            rest = rest.get(length..).unwrap_or("");
            continue;
        }
        out.push(next);
        rest = rest.get(next.len_utf8()..).unwrap_or("");
    }
    out
}

fn starts_lower(text: &str) -> bool {
    text.starts_with(|next: char| next.is_ascii_lowercase())
}

type Element = (&'static str, fn(&mut String, &Zoned));

/// The elements of a layout; where one begins like another, the longer stands first.
static ELEMENTS: &[Element] = &[
    ("January", |out, time| out.push_str(month(time))),
    ("Jan", |out, time| out.push_str(short(month(time)))),
    ("Monday", |out, time| out.push_str(weekday(time))),
    ("Mon", |out, time| out.push_str(short(weekday(time)))),
    ("MST", |out, time| zone_name(out, time)),
    ("2006", |out, time| put(out, time.year(), 4)),
    ("_2006", |out, time| {
        out.push('_');
        put(out, time.year(), 4);
    }),
    ("__2", |out, time| spaced(out, time.day_of_year(), 3)),
    ("_2", |out, time| spaced(out, time.day(), 2)),
    ("002", |out, time| put(out, time.day_of_year(), 3)),
    ("01", |out, time| put(out, time.month(), 2)),
    ("02", |out, time| put(out, time.day(), 2)),
    ("03", |out, time| put(out, hour12(time), 2)),
    ("04", |out, time| put(out, time.minute(), 2)),
    ("05", |out, time| put(out, time.second(), 2)),
    ("06", |out, time| put(out, time.year().rem_euclid(100), 2)),
    ("15", |out, time| put(out, time.hour(), 2)),
    ("1", |out, time| put(out, time.month(), 1)),
    ("2", |out, time| put(out, time.day(), 1)),
    ("3", |out, time| put(out, hour12(time), 1)),
    ("4", |out, time| put(out, time.minute(), 1)),
    ("5", |out, time| put(out, time.second(), 1)),
    ("PM", |out, time| out.push_str(if time.hour() < 12 { "AM" } else { "PM" })),
    ("pm", |out, time| out.push_str(if time.hour() < 12 { "am" } else { "pm" })),
    ("-07:00:00", |out, time| offset(out, time, ":", 3)),
    ("-070000", |out, time| offset(out, time, "", 3)),
    ("-07:00", |out, time| offset(out, time, ":", 2)),
    ("-0700", |out, time| offset(out, time, "", 2)),
    ("-07", |out, time| offset(out, time, "", 1)),
    ("Z07:00:00", |out, time| offset_or_z(out, time, ":", 3)),
    ("Z070000", |out, time| offset_or_z(out, time, "", 3)),
    ("Z07:00", |out, time| offset_or_z(out, time, ":", 2)),
    ("Z0700", |out, time| offset_or_z(out, time, "", 2)),
    ("Z07", |out, time| offset_or_z(out, time, "", 1)),
];

fn put(out: &mut String, number: impl Into<i64>, width: usize) {
    let number: i64 = number.into();
    out.push_str(&format!("{number:0width$}"));
}

fn spaced(out: &mut String, number: impl Into<i64>, width: usize) {
    let number: i64 = number.into();
    out.push_str(&format!("{number:width$}"));
}

fn month(time: &Zoned) -> &'static str {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let index = usize::try_from(time.month()).unwrap_or(1).saturating_sub(1);
    MONTHS.get(index).copied().unwrap_or("")
}

fn weekday(time: &Zoned) -> &'static str {
    const DAYS: [&str; 7] =
        ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let index = usize::try_from(time.weekday().to_monday_zero_offset()).unwrap_or(0);
    DAYS.get(index).copied().unwrap_or("")
}

fn short(name: &str) -> &str {
    name.get(..3).unwrap_or(name)
}

fn hour12(time: &Zoned) -> i8 {
    match time.hour().rem_euclid(12) {
        0 => 12,
        hour => hour,
    }
}

fn zone_name(out: &mut String, time: &Zoned) {
    let info = time.time_zone().to_offset_info(time.timestamp());
    out.push_str(info.abbreviation());
}

fn offset_or_z(out: &mut String, time: &Zoned, between: &str, parts: usize) {
    if time.offset().seconds() == 0 {
        out.push('Z');
    } else {
        offset(out, time, between, parts);
    }
}

fn offset(out: &mut String, time: &Zoned, between: &str, parts: usize) {
    let seconds = time.offset().seconds();
    out.push(if seconds < 0 { '-' } else { '+' });
    let size = i64::from(seconds).abs();
    let hours = size.div_euclid(3600);
    let minutes = size.div_euclid(60).rem_euclid(60);
    for (index, part) in [hours, minutes, size.rem_euclid(60)].into_iter().take(parts).enumerate() {
        if index > 0 {
            out.push_str(between);
        }
        put(out, part, 2);
    }
}

/// A fraction of a second: `.000`, `,999`, and the like, directly after the seconds.
fn fraction(rest: &str, out: &str) -> Option<usize> {
    let digits = rest.strip_prefix(['.', ','])?;
    let first = digits.chars().next().filter(|next| matches!(next, '0' | '9'))?;
    let zeros = digits.len().saturating_sub(digits.trim_start_matches(first).len());
    let after = digits.get(zeros..).and_then(|after| after.chars().next());
    let ends = !after.is_some_and(|next| next.is_ascii_digit());
    (ends && out.ends_with(|last: char| last.is_ascii_digit())).then(|| zeros.saturating_add(1))
}

fn push_fraction(out: &mut String, element: &str, time: &Zoned) {
    let count = element.len().saturating_sub(1);
    let nanos = format!("{:09}", time.subsec_nanosecond());
    let digits: String = nanos.chars().chain(std::iter::repeat('0')).take(count).collect();
    let shown = if element.contains('9') { digits.trim_end_matches('0') } else { &digits };
    if !shown.is_empty() {
        out.extend(element.chars().next());
        out.push_str(shown);
    }
}

/// A duration as Go writes it, in microseconds: `300ms`, `-1.5h`, `2h45m`.
pub(super) fn span_micros(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|next: char| !next.is_ascii_digit() && next != '.')?;
        let number: f64 = rest.get(..digits)?.parse().ok()?;
        let unit = rest.get(digits..)?;
        let length = unit.find(|next: char| next.is_ascii_digit() || next == '.');
        let (unit, after) = unit.split_at_checked(length.unwrap_or(unit.len()))?;
        total += number * unit_micros(unit)?;
        rest = after;
    }
    super::number::cut(total * sign).ok()
}

fn unit_micros(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 0.001,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        "m" => 60e6,
        "h" => 3600e6,
        _ => return None,
    })
}
