//! `printf`: the verbs that templates use, with flags and widths.

use super::super::number;
use super::super::value::{Data, Outcome, Val, failed};
use super::Input;
use super::numbers::as_whole;
use super::text::go_quoted;

/// One `%` of a format.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "the flags are independent of each other")]
struct Verb {
    minus: bool,
    plus: bool,
    space: bool,
    zero: bool,
    sharp: bool,
    width: usize,
    precision: Option<usize>,
    letter: char,
}

pub(super) fn printf<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let format = input.text(0)?;
    let mut out = String::with_capacity(format.len());
    let mut rest = format.chars().peekable();
    let mut argument = 1;
    while let Some(next) = rest.next() {
        if next != '%' {
            out.push(next);
            continue;
        }
        let verb = verb(&mut rest)?;
        if verb.letter == '%' {
            out.push('%');
            continue;
        }
        if argument >= input.count() {
            return failed("the format asks for more values than there are");
        }
        // Refused before the padding takes memory.
        let padding = verb.width.saturating_add(verb.precision.unwrap_or(0));
        input.runtime.fits(out.len().saturating_add(padding))?;
        let value = input.value(argument);
        argument = argument.saturating_add(1);
        let text = written(input, &verb, &value)?;
        pad(&mut out, &verb, &text);
        input.runtime.fits(out.len())?;
    }
    if argument < input.count() {
        return failed("the format uses fewer values than there are");
    }
    Ok(Val::text(out))
}

fn verb(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Outcome<Verb> {
    let mut verb = Verb::default();
    while let Some(flag) = rest.next_if(|next| "-+ 0#".contains(*next)) {
        match flag {
            '-' => verb.minus = true,
            '+' => verb.plus = true,
            ' ' => verb.space = true,
            '0' => verb.zero = true,
            _ => verb.sharp = true,
        }
    }
    verb.width = digits(rest);
    if rest.next_if_eq(&'.').is_some() {
        verb.precision = Some(digits(rest));
    }
    match rest.next() {
        Some(letter) if "sdvqtxXfFeEgGcbo%".contains(letter) => Ok(Verb { letter, ..verb }),
        _ => failed("the format has an unknown verb"),
    }
}

fn digits(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> usize {
    let mut number: usize = 0;
    while let Some(digit) = rest.next_if(char::is_ascii_digit) {
        let digit = usize::try_from(digit.to_digit(10).unwrap_or(0)).unwrap_or(0);
        number = number.saturating_mul(10).saturating_add(digit);
    }
    number
}

fn written<'a>(input: &mut Input<'a, '_>, verb: &Verb, value: &Val<'a>) -> Outcome<String> {
    match verb.letter {
        'd' | 'b' | 'o' | 'c' => whole(verb, value),
        'f' | 'F' | 'e' | 'E' | 'g' | 'G' => float(verb, value),
        't' => match value.data {
            Data::Bool(bool) => Ok(bool.to_string()),
            _ => failed("%t wants a boolean"),
        },
        'x' | 'X' => hex(input, verb, value),
        'q' => Ok(go_quoted(&input.runtime.read(value)?)),
        _ => {
            let text = input.runtime.read(value)?;
            let text = match verb.precision {
                Some(most) => text.chars().take(most).collect(),
                None => (*text).to_owned(),
            };
            Ok(if value.is_number() { signed(verb, text) } else { text })
        }
    }
}

fn whole(verb: &Verb, value: &Val<'_>) -> Outcome<String> {
    let Some(number) = as_whole(value) else {
        // A whole number of more than 64 bits still has its digits.
        if let (Data::Number(text), 'd') = (&value.data, verb.letter)
            && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
        {
            return Ok(signed(verb, (**text).to_owned()));
        }
        return failed(format!("%{} wants a whole number", verb.letter));
    };
    let sign = if number < 0 { "-" } else { "" };
    let size = number.unsigned_abs();
    Ok(match verb.letter {
        'b' => signed(verb, format!("{sign}{size:b}")),
        'o' => signed(verb, format!("{sign}{size:o}")),
        'c' => u32::try_from(number).ok().and_then(char::from_u32).unwrap_or('\u{fffd}').into(),
        _ => signed(verb, number.to_string()),
    })
}

/// The most decimal places: a float has no more digits than this.
const PLACES_MAX: usize = 1100;

fn float(verb: &Verb, value: &Val<'_>) -> Outcome<String> {
    if !value.is_number() {
        return failed(format!("%{} wants a number", verb.letter));
    }
    let float = number::to_float(value);
    let places = verb.precision.map(|places| places.min(PLACES_MAX));
    let text = match verb.letter {
        'f' | 'F' => format!("{float:.*}", places.unwrap_or(6)),
        'e' => exponent(float, Some(places.unwrap_or(6))),
        'E' => exponent(float, Some(places.unwrap_or(6))).to_uppercase(),
        'G' => general(float, places).to_uppercase(),
        _ => general(float, places),
    };
    Ok(signed(verb, text))
}

/// `1.5e+06`: the exponent has a sign and at least two digits.
fn exponent(float: f64, places: Option<usize>) -> String {
    let text = match places {
        Some(places) => format!("{float:.places$e}"),
        None => format!("{float:e}"),
    };
    let Some((mantissa, power)) = text.split_once('e') else {
        return text;
    };
    let (sign, digits) = match power.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', power),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// Plain for usual sizes, with an exponent for the others.
fn general(float: f64, precision: Option<usize>) -> String {
    let shown = match precision {
        Some(digits) => exponent(float, Some(digits.max(1).saturating_sub(1))),
        None => exponent(float, None),
    };
    let Some((mantissa, power)) = shown.split_once('e') else {
        return shown;
    };
    let power: i32 = power.parse().unwrap_or(0);
    let end = precision.map_or(21, |digits| i32::try_from(digits.max(1)).unwrap_or(i32::MAX));
    if power < -4 || power >= end {
        let mantissa = without_zeros(mantissa);
        let tail = shown.split_once('e').map_or("", |(_, tail)| tail);
        return format!("{mantissa}e{tail}");
    }
    match precision {
        None => float.to_string(),
        Some(digits) => {
            let digits = i32::try_from(digits.max(1)).unwrap_or(i32::MAX);
            let places = digits.saturating_sub(1).saturating_sub(power);
            let places = usize::try_from(places).unwrap_or(0);
            without_zeros(&format!("{float:.places$}")).to_owned()
        }
    }
}

fn without_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

fn hex<'a>(input: &mut Input<'a, '_>, verb: &Verb, value: &Val<'a>) -> Outcome<String> {
    let text = match as_whole(value) {
        Some(number) => {
            let sign = if number < 0 { "-" } else { "" };
            let prefix = if verb.sharp { "0x" } else { "" };
            signed(verb, format!("{sign}{prefix}{:x}", number.unsigned_abs()))
        }
        None => data_encoding::HEXLOWER.encode(input.runtime.read(value)?.as_bytes()),
    };
    Ok(if verb.letter == 'X' { text.to_uppercase() } else { text })
}

/// The sign that a flag asks for.
fn signed(verb: &Verb, text: String) -> String {
    match (verb.plus, verb.space) {
        _ if text.starts_with('-') => text,
        (true, _) => format!("+{text}"),
        (false, true) => format!(" {text}"),
        (false, false) => text,
    }
}

fn pad(out: &mut String, verb: &Verb, text: &str) {
    let missing = verb.width.saturating_sub(text.chars().count());
    if verb.minus {
        out.push_str(text);
        out.extend(std::iter::repeat_n(' ', missing));
    } else if verb.zero && !matches!(verb.letter, 's' | 'q' | 'v' | 't' | 'c') {
        // Zeros go between the sign and the digits.
        let digits = text.trim_start_matches(['-', '+', ' ']);
        let sign = text.get(..text.len().saturating_sub(digits.len())).unwrap_or("");
        out.push_str(sign);
        out.extend(std::iter::repeat_n('0', missing));
        out.push_str(digits);
    } else {
        out.extend(std::iter::repeat_n(' ', missing));
        out.push_str(text);
    }
}
