//! Numbers of JSON in the ranges of Cedar: whole numbers of 64 bits, decimals of four places.

/// A number as Cedar can hold it: exactly, or by its neighbours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fit<T> {
    /// Exactly this.
    Exact(T),
    /// Between these two, which lie next to each other.
    Between(T, T),
    /// Beyond the last one.
    Beyond(T),
}

/// Digits with their sign and the place of the point: `digits` times ten to the `shift`.
struct Digits {
    negative: bool,
    digits: String,
    shift: i64,
}

/// Exponents past this are beyond every range here, or nothing at all.
const EXPONENT_MAX: i64 = 1000;

impl Digits {
    fn read(text: &str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, saturated(exponent)?),
            None => (text, 0),
        };
        let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if !before.bytes().chain(after.bytes()).all(|it| it.is_ascii_digit()) {
            return None;
        }
        let all = format!("{before}{after}");
        let shift = exponent.checked_sub(i64::try_from(after.len()).ok()?)?;
        let kept = all.trim_end_matches('0');
        let dropped = i64::try_from(all.len().checked_sub(kept.len())?).ok()?;
        let digits = kept.trim_start_matches('0').to_owned();
        let shift = if digits.is_empty() { 0 } else { shift.checked_add(dropped)? };
        Some(Self { negative, digits, shift })
    }

    /// The number times ten to the `places`, cut towards zero, and whether anything was cut. `None`
    /// where it is beyond an `i64`.
    fn scaled(&self, places: i64) -> Option<(i64, bool)> {
        let shift = self.shift.checked_add(places)?;
        let sign = if self.negative { "-" } else { "" };
        if self.digits.is_empty() {
            return Some((0, false));
        }
        if shift >= 0 {
            let zeros = usize::try_from(shift).ok().filter(|zeros| *zeros < 20)?;
            let text = format!("{sign}{}{}", self.digits, "0".repeat(zeros));
            return text.parse().ok().map(|whole| (whole, false));
        }
        let cut = usize::try_from(shift.checked_neg()?).unwrap_or(usize::MAX);
        let kept = self.digits.len().saturating_sub(cut);
        let text = self.digits.get(..kept).unwrap_or_default();
        let whole = if text.is_empty() { 0 } else { format!("{sign}{text}").parse().ok()? };
        // Digits do not end in a zero, so something was cut.
        Some((whole, true))
    }

    fn fit(&self, places: i64) -> Fit<i64> {
        let last = if self.negative { i64::MIN } else { i64::MAX };
        match self.scaled(places) {
            None => Fit::Beyond(last),
            Some((whole, false)) => Fit::Exact(whole),
            Some((whole, true)) => {
                let next = if self.negative { whole.checked_sub(1) } else { whole.checked_add(1) };
                match next {
                    Some(next) => Fit::Between(whole.min(next), whole.max(next)),
                    None => Fit::Beyond(last),
                }
            }
        }
    }
}

fn saturated(exponent: &str) -> Option<i64> {
    let digits = exponent.trim_start_matches(['+', '-']);
    if digits.is_empty() || !digits.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let magnitude = digits.parse().unwrap_or(i64::MAX).min(EXPONENT_MAX);
    if exponent.starts_with('-') { magnitude.checked_neg() } else { Some(magnitude) }
}

/// A whole number. `None` where the text is no number, or has a fraction.
pub(crate) fn whole(text: &str) -> Option<Fit<i64>> {
    match Digits::read(text)?.fit(0) {
        Fit::Between(..) => None,
        fit @ (Fit::Exact(_) | Fit::Beyond(_)) => Some(fit),
    }
}

/// Places behind the point of Cedar's decimals.
const PLACES: i64 = 4;

/// A decimal, as the text that Cedar reads.
pub(crate) fn decimal(text: &str) -> Option<Fit<String>> {
    Some(match Digits::read(text)?.fit(PLACES) {
        Fit::Exact(units) => Fit::Exact(written(units)),
        Fit::Between(low, high) => Fit::Between(written(low), written(high)),
        Fit::Beyond(last) => Fit::Beyond(written(last)),
    })
}

/// A decimal in ten-thousandths, if it is one.
pub(crate) fn units(text: &str) -> Option<i64> {
    match Digits::read(text)?.fit(PLACES) {
        Fit::Exact(units) => Some(units),
        Fit::Between(..) | Fit::Beyond(_) => None,
    }
}

/// Ten-thousandths as a decimal.
pub(crate) fn written(units: i64) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let digits = format!("{:05}", units.unsigned_abs());
    let (before, after) = digits.split_at(digits.len().saturating_sub(4));
    format!("{sign}{before}.{after}")
}

/// One text for all the ways in which a number can be written.
pub(crate) fn canonical(text: &str) -> Option<String> {
    let Digits { negative, digits, shift } = Digits::read(text)?;
    let sign = if negative && !digits.is_empty() { "-" } else { "" };
    if digits.is_empty() {
        return Some("0".to_owned());
    }
    match usize::try_from(shift) {
        Ok(zeros) if zeros <= 40 => Some(format!("{sign}{digits}{}", "0".repeat(zeros))),
        Ok(_) => Some(format!("{sign}{digits}e{shift}")),
        Err(_) => {
            let places = usize::try_from(shift.unsigned_abs()).ok()?;
            if places > 40 {
                return Some(format!("{sign}{digits}e{shift}"));
            }
            let padded = format!("{digits:0>width$}", width = places.saturating_add(1));
            let (before, after) = padded.split_at(padded.len().saturating_sub(places));
            Some(format!("{sign}{before}.{after}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_however_they_are_written() {
        for (text, expected) in [
            ("3", Some(Fit::Exact(3))),
            ("3.0", Some(Fit::Exact(3))),
            ("30e-1", Some(Fit::Exact(3))),
            ("-1E2", Some(Fit::Exact(-100))),
            ("0e99999999999999999999", Some(Fit::Exact(0))),
            ("3.5", None),
            ("1e-400", None),
            ("9223372036854775807", Some(Fit::Exact(i64::MAX))),
            ("9223372036854775808", Some(Fit::Beyond(i64::MAX))),
            ("-1e400", Some(Fit::Beyond(i64::MIN))),
            ("x", None),
        ] {
            assert_eq!(whole(text), expected, "{text}");
        }
    }

    #[test]
    fn decimals_are_exact_or_between_their_neighbours() {
        let exact = |text: &str| Some(Fit::Exact(text.to_owned()));
        let between = |low: &str, high: &str| Some(Fit::Between(low.to_owned(), high.to_owned()));
        for (text, expected) in [
            ("1.5", exact("1.5000")),
            ("-0.0001", exact("-0.0001")),
            ("0.00012", between("0.0001", "0.0002")),
            ("-0.00012", between("-0.0002", "-0.0001")),
            ("1e-9", between("0.0000", "0.0001")),
            ("-1e-9", between("-0.0001", "0.0000")),
            ("52.520008", between("52.5200", "52.5201")),
            ("1e300", Some(Fit::Beyond("922337203685477.5807".to_owned()))),
        ] {
            assert_eq!(decimal(text), expected, "{text}");
        }
    }

    #[test]
    fn one_number_has_one_text() {
        for (text, expected) in
            [("1.50", "1.5"), ("15e-1", "1.5"), ("0.0015", "0.0015"), ("-0", "0"), ("1e3", "1000")]
        {
            assert_eq!(canonical(text).as_deref(), Some(expected), "{text}");
        }
    }
}
