//! `now`, dates in Go's reference layouts, and moving a time.

use lanyard_core::Timestamp;

use super::super::number;
use super::super::times::{self, in_zone};
use super::super::value::{Data, Outcome, Val, failed};
use super::Input;

pub(super) fn now<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    Ok(Val::own(Data::Time(input.runtime.env.now)))
}

/// `date layout time`, in UTC.
pub(super) fn date<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let (layout, time) = (input.text(0)?, time(&input.value(1))?);
    shown(&layout, time, "UTC")
}

/// `dateInZone layout time zone`
pub(super) fn date_in_zone<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let (layout, time, zone) = (input.text(0)?, time(&input.value(1))?, input.text(2)?);
    shown(&layout, time, &zone)
}

fn shown<'a>(layout: &str, time: Timestamp, zone: &str) -> Outcome<Val<'a>> {
    match in_zone(time, zone) {
        Some(zoned) => Ok(Val::text(times::format(layout, &zoned))),
        None => failed("the time is out of range"),
    }
}

/// `dateModify span time`: a span such as `-1.5h` or `2h45m`.
pub(super) fn date_modify<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let (span, time) = (input.text(0)?, time(&input.value(1))?);
    let Some(micros) = times::span_micros(&span) else {
        return failed("the span is no duration such as 2h45m");
    };
    match time.0.checked_add(micros) {
        Some(moved) => Ok(Val::own(Data::Time(Timestamp(moved)))),
        None => failed("the time is out of range"),
    }
}

/// The seconds since 1970, as text.
pub(super) fn unix_epoch<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    Ok(Val::text(time(&input.value(0))?.seconds().to_string()))
}

/// A time is a result of `now`, or seconds since 1970.
fn time(value: &Val<'_>) -> Outcome<Timestamp> {
    if let Data::Time(time) = value.data {
        return Ok(time);
    }
    if !value.is_number() {
        return failed("a time is wanted: a result of `now` or seconds since 1970");
    }
    match number::to_int(value)?.checked_mul(1_000_000) {
        Some(micros) => Ok(Timestamp(micros)),
        None => failed("the time is out of range"),
    }
}
