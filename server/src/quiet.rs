//! Quiet hours: when somebody wants nothing pushed or mailed. They are hours of a clock on a wall, so
//! they move with its time zone, summer time and all.

use crate::error::{Refusal, Result};
use hallway_protocol::ids::Millis;
use hallway_protocol::rest::Quiet;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// Minutes of a day.
const DAY: i64 = 24 * 60;

/// Quiet hours, in minutes of the day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hours {
    /// They begin.
    pub from: i64,
    /// They end; not after the beginning: on the next day.
    pub to: i64,
    /// The days on which they begin, Monday 1 to Sunday 7; empty: each.
    days: Vec<u8>,
}

impl Hours {
    /// As somebody asks for them.
    pub fn checked(quiet: &Quiet) -> Result<Hours> {
        let minutes = |text: &str| {
            minutes(text).ok_or_else(|| Refusal::invalid("quiet", format!("has no time {text:?}")))
        };
        let (from, to, mut days) = (minutes(&quiet.from)?, minutes(&quiet.to)?, quiet.days.clone());
        if days.iter().any(|day| !(1..=7).contains(day)) {
            return Err(Refusal::invalid("quiet", "has days that are not 1 to 7"));
        }
        days.sort_unstable();
        days.dedup();
        Ok(Hours { from, to, days })
    }

    /// As they are stored.
    pub fn stored(from: i64, to: i64, days: &str) -> Hours {
        let days = days.split(',').filter_map(|day| day.parse().ok()).collect();
        Hours { from, to, days }
    }

    /// The days, as they are stored.
    pub fn days_text(&self) -> String {
        self.days.iter().map(u8::to_string).collect::<Vec<_>>().join(",")
    }

    /// As they are on the wire.
    pub fn wire(&self) -> Quiet {
        let text = |minutes: i64| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        Quiet { from: text(self.from), to: text(self.to), days: self.days.clone() }
    }

    /// When the quiet hours end in which this moment lies; none: it lies in none.
    pub fn end(&self, zone: &str, now: Millis) -> Option<Millis> {
        let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
        let here = Timestamp::from_millisecond(now).ok()?.to_zoned(zone.clone());
        let today = here.date();
        // Yesterday's may still last.
        [today.yesterday().ok(), Some(today)].into_iter().flatten().find_map(|day| {
            let begins = u8::try_from(day.weekday().to_monday_one_offset()).ok()?;
            if !self.days.is_empty() && !self.days.contains(&begins) {
                return None;
            }
            let to = if self.to > self.from { self.to } else { self.to + DAY };
            let (from, to) = (at(&zone, day, self.from)?, at(&zone, day, to)?);
            (from <= now && now < to).then_some(to)
        })
    }
}

/// The moment of so many minutes into a day, as clocks show it.
fn at(zone: &TimeZone, day: Date, minutes: i64) -> Option<Millis> {
    let time = day.at(0, 0, 0, 0).checked_add(minutes.minutes()).ok()?;
    Some(zone.to_ambiguous_timestamp(time).compatible().ok()?.as_millisecond())
}

/// `22:00` as minutes of the day.
fn minutes(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str, most: i64| {
        let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i64>().ok().filter(|number| plain && *number <= most)
    };
    Some(number(hours, 23)? * 60 + number(minutes, 59)?)
}

/// Whether there is such a time zone.
pub fn is_zone(name: &str) -> bool {
    TimeZone::get(name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(from: &str, to: &str, days: &[u8]) -> Hours {
        let quiet = Quiet { from: from.into(), to: to.into(), days: days.to_vec() };
        Hours::checked(&quiet).unwrap()
    }

    /// A moment of UTC.
    fn moment(text: &str) -> Millis {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn they_end_when_the_clock_on_the_wall_says_so() {
        let night = hours("22:00", "07:00", &[]);
        let noon = hours("12:00", "13:00", &[]);
        let weekend = hours("00:00", "00:00", &[6, 7]);
        let friday = hours("22:00", "07:00", &[5]);
        // 2026-11-20 is a Friday.
        for (hours, zone, now, end) in [
            (&night, "UTC", "2026-11-20T21:59:59Z", None),
            (&night, "UTC", "2026-11-20T22:00:00Z", Some("2026-11-21T07:00:00Z")),
            (&night, "UTC", "2026-11-21T06:59:59Z", Some("2026-11-21T07:00:00Z")),
            (&night, "UTC", "2026-11-21T07:00:00Z", None),
            (&night, "Europe/Berlin", "2026-11-20T21:00:00Z", Some("2026-11-21T06:00:00Z")),
            (&night, "Asia/Tokyo", "2026-11-20T21:00:00Z", Some("2026-11-20T22:00:00Z")),
            (&noon, "America/New_York", "2026-11-20T17:30:00Z", Some("2026-11-20T18:00:00Z")),
            (&weekend, "UTC", "2026-11-20T23:59:59Z", None),
            (&weekend, "UTC", "2026-11-21T12:00:00Z", Some("2026-11-22T00:00:00Z")),
            (&friday, "UTC", "2026-11-21T06:00:00Z", Some("2026-11-21T07:00:00Z")),
            (&friday, "UTC", "2026-11-21T23:00:00Z", None),
            // Summer time ends in this night: it is an hour longer.
            (&night, "Europe/Berlin", "2026-10-24T20:30:00Z", Some("2026-10-25T06:00:00Z")),
            (&night, "Europe/Berlin", "2026-03-28T21:30:00Z", Some("2026-03-29T05:00:00Z")),
        ] {
            assert_eq!(hours.end(zone, moment(now)), end.map(moment), "{hours:?} {zone} {now}");
        }
    }

    #[test]
    fn a_time_is_four_digits_and_comes_back() {
        let night = hours("22:05", "07:00", &[7, 1, 7]);
        assert_eq!((night.from, night.to), (1325, 420));
        assert_eq!(
            night.wire(),
            Quiet { from: "22:05".into(), to: "07:00".into(), days: vec![1, 7] }
        );
        assert_eq!(Hours::stored(1325, 420, &night.days_text()), night);
        for wrong in ["24:00", "7:00", "07:60", "0700", "", "+7:00", "aa:bb", "07:00:00"] {
            let quiet = Quiet { from: wrong.into(), to: "07:00".into(), days: Vec::new() };
            assert!(Hours::checked(&quiet).is_err(), "{wrong}");
        }
        let days = Quiet { from: "22:00".into(), to: "07:00".into(), days: vec![0] };
        assert!(Hours::checked(&days).is_err());
        assert!(is_zone("Europe/Berlin") && is_zone("UTC") && !is_zone("Middle/Earth"));
    }
}
