//! Arithmetic. Whole numbers have 64 bits; overflow and division by zero are errors.

use super::super::number::{cut, to_float};
use super::super::value::{Data, Outcome, Val, failed};
use super::Input;

pub(super) fn int<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    Ok(Val::int(input.int(0)?))
}

pub(super) fn float64<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    finite(to_float(&input.value(0)))
}

/// Only what is written as a whole number counts.
pub(super) fn atoi<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    Ok(Val::int(input.text(0)?.parse().unwrap_or(0)))
}

pub(super) fn add<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    fold(input, i64::checked_add)
}

pub(super) fn add1<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    checked(input.int(0)?.checked_add(1))
}

pub(super) fn sub<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    fold(input, i64::checked_sub)
}

pub(super) fn mul<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    fold(input, i64::checked_mul)
}

pub(super) fn div<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    if input.int(1)? == 0 {
        return failed("division by zero");
    }
    fold(input, i64::checked_div)
}

pub(super) fn modulo<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    if input.int(1)? == 0 {
        return failed("division by zero");
    }
    fold(input, i64::checked_rem)
}

pub(super) fn max<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    fold(input, |left, right| Some(left.max(right)))
}

pub(super) fn min<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    fold(input, |left, right| Some(left.min(right)))
}

fn fold<'a>(
    input: &mut Input<'a, '_>,
    operation: impl Fn(i64, i64) -> Option<i64>,
) -> Outcome<Val<'a>> {
    let mut result = input.int(0)?;
    for index in 1..input.count() {
        match operation(result, input.int(index)?) {
            Some(next) => result = next,
            None => return failed(OVERFLOW),
        }
    }
    Ok(Val::int(result))
}

const OVERFLOW: &str = "the result does not fit into 64 bits";

fn checked<'a>(result: Option<i64>) -> Outcome<Val<'a>> {
    result.map_or_else(|| failed(OVERFLOW), |result| Ok(Val::int(result)))
}

pub(super) fn addf<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    fold_floats(input, |left, right| left + right)
}

pub(super) fn subf<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    fold_floats(input, |left, right| left - right)
}

pub(super) fn mulf<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    fold_floats(input, |left, right| left * right)
}

pub(super) fn divf<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    fold_floats(input, |left, right| left / right)
}

pub(super) fn maxf<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    fold_floats(input, f64::max)
}

pub(super) fn minf<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    fold_floats(input, f64::min)
}

fn fold_floats<'a>(
    input: &mut Input<'a, '_>,
    operation: impl Fn(f64, f64) -> f64,
) -> Outcome<Val<'a>> {
    let mut result = to_float(&input.value(0));
    for other in input.rest(1) {
        result = operation(result, to_float(&other));
    }
    finite(result)
}

pub(super) fn floor<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    finite(to_float(&input.value(0)).floor())
}

pub(super) fn ceil<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    finite(to_float(&input.value(0)).ceil())
}

/// Rounds to a number of decimal places; the third argument is the fraction from which it rounds
/// up, one half if it is left out.
pub(super) fn round<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let number = to_float(&input.value(0));
    let places = i32::try_from(input.int(1)?.clamp(-300, 300)).unwrap_or(0);
    let up_from = if input.count() > 2 { to_float(&input.value(2)) } else { 0.5 };
    let scale = 10_f64.powi(places);
    let scaled = number * scale;
    if !scaled.is_finite() {
        return finite(number);
    }
    let rounded = if scaled.fract().abs() >= up_from { up(scaled) } else { scaled.trunc() };
    finite(rounded / scale)
}

/// The next whole number away from zero.
fn up(number: f64) -> f64 {
    if number < 0.0 { number.floor() } else { number.ceil() }
}

fn finite<'a>(float: f64) -> Outcome<Val<'a>> {
    if float.is_finite() {
        Ok(Val::own(Data::Float(float)))
    } else {
        failed("the result is not a number, or has no end")
    }
}

/// Numbers as text, both ends included: `seq last`, `seq first last`, `seq first step last`.
pub(super) fn seq<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let number = |index| input.int(index);
    let (first, step, last) = match input.count() {
        0 => return Ok(Val::text(String::new())),
        1 => (1, None, number(0)?),
        2 => (number(0)?, None, number(1)?),
        _ => (number(0)?, Some(number(1)?), number(2)?),
    };
    let one = if last < first { -1 } else { 1 };
    let Some(end) = last.checked_add(one) else {
        return failed(OVERFLOW);
    };
    let numbers = steps(input, first, end, step.unwrap_or(one))?;
    let words: Vec<String> = numbers.iter().map(i64::to_string).collect();
    Ok(Val::text(words.join(" ")))
}

/// The list from 0 up to a number, without it.
pub(super) fn until<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let end = input.int(0)?;
    let numbers = steps(input, 0, end, if end < 0 { -1 } else { 1 })?;
    input.runtime.list(numbers.into_iter().map(Val::int).collect())
}

pub(super) fn until_step<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let numbers = steps(input, input.int(0)?, input.int(1)?, input.int(2)?)?;
    input.runtime.list(numbers.into_iter().map(Val::int).collect())
}

/// The numbers from `first` up or down to `end`, without it; none if the step leads away from it.
fn steps(input: &mut Input<'_, '_>, first: i64, end: i64, step: i64) -> Outcome<Vec<i64>> {
    let distance = i128::from(end).saturating_sub(i128::from(first));
    if step == 0 || distance == 0 || (distance > 0) != (step > 0) {
        return Ok(Vec::new());
    }
    // The count is known before anything is allocated. A number of `seq` and the value that holds
    // it are about as large as a hundred bytes.
    let count = distance.unsigned_abs().div_ceil(u128::from(step.unsigned_abs()));
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    input.runtime.fits(count.saturating_mul(100))?;
    let mut numbers = Vec::with_capacity(count);
    let mut next = Some(first);
    while let Some(number) = next
        && numbers.len() < count
    {
        numbers.push(number);
        next = number.checked_add(step);
    }
    Ok(numbers)
}

/// Kept beside its siblings: a float as a whole number, for `printf`.
pub(super) fn as_whole(value: &Val<'_>) -> Option<i64> {
    match &value.data {
        Data::Int(int) => Some(*int),
        Data::Float(float) if float.fract() == 0.0 => cut(*float).ok(),
        Data::Number(text) => match text.parse::<i64>() {
            Ok(int) => Some(int),
            Err(_) => {
                let float = text.parse::<f64>().ok().filter(|float| float.fract() == 0.0)?;
                cut(float).ok()
            }
        },
        _ => None,
    }
}
