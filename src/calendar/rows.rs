//! The exceptions: one row of `holidays.csv` each, and what the rows of one day say together.
//!
//! Columns: `date,calendar,kind,time_local,trade_date,note,source,checked_on`. The first five are
//! read, the others are for people. Lines that are empty or start with `#`, and the header, are
//! skipped. A cell holds no comma. Cost: two binary searches a day asked for.

use jiff::civil::{Date, Time};

/// Whose exception a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Venue {
    /// Globex hours of the E-mini index futures; times in New York.
    Cme,
    /// NYSE cash session, which the Cboe index options share; times in New York.
    Nyse,
    /// London Stock Exchange; times in London. Moves no label, sets flags.
    London,
    /// Expiry of the AM-settled monthly SPX options.
    Spx,
    /// Expiry of the VIX futures and options.
    Vix,
    /// Expiry of the quarterly E-mini futures.
    Es,
}

/// What differs from the weekly rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No session on this day.
    Closed,
    /// NYSE, London: the cash session ends at this time.
    EarlyClose(Time),
    /// CME: trading stops at this time until the next Globex day begins.
    EarlyHalt(Time),
    /// The session begins at this time; for CME 18:00 or later means the evening before.
    LateOpen(Time),
    /// CME: no trading between these times on every day up to and including the row's.
    DailyBreak(Time, Time),
    /// The expiry that the rules put on the row's day happens on its `trade_date`.
    Expiry,
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Whose.
    pub venue: Venue,
    /// The calendar day; for CME the one on which the Globex day ends.
    pub day: Date,
    /// What happens.
    pub kind: Kind,
    /// CME: the trade date that the exchange assigns instead of `day`. Expiries: the new day.
    pub trade_date: Option<Date>,
}

/// What all rows of a venue say about one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct DayRule {
    pub(super) closed: bool,
    pub(super) open: Option<Time>,
    pub(super) until: Option<Time>,
    pub(super) trade_date: Option<Date>,
}

/// Reads the file; fails with the number of the line (from 1) that cannot be read, that repeats
/// another or that contradicts one.
pub(super) fn parse(text: &str) -> Result<Vec<Exception>, usize> {
    let mut rows = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') || line.starts_with("date,") {
            continue;
        }
        rows.push((parse_row(line).ok_or(index + 1)?, index + 1));
    }
    rows.sort_by_key(|(row, _)| (row.venue, row.day));
    for pair in rows.windows(2) {
        if let [(a, _), (b, line)] = pair
            && (a.venue, a.day) == (b.venue, b.day)
            && clash(a.kind, b.kind)
        {
            return Err(*line);
        }
    }
    Ok(rows.into_iter().map(|(row, _)| row).collect())
}

/// The rows of one venue and day, in a list sorted by both.
pub(super) fn day_rule(rows: &[Exception], venue: Venue, day: Date) -> DayRule {
    let from = rows.partition_point(|r| (r.venue, r.day) < (venue, day));
    let mut rule = DayRule::default();
    for row in rows.iter().skip(from).take_while(|r| r.venue == venue && r.day == day) {
        match row.kind {
            Kind::Closed => rule.closed = true,
            Kind::EarlyClose(t) | Kind::EarlyHalt(t) => rule.until = Some(t),
            Kind::LateOpen(t) => rule.open = Some(t),
            Kind::DailyBreak(..) => continue,
            Kind::Expiry => {}
        }
        rule.trade_date = row.trade_date.or(rule.trade_date);
    }
    rule
}

fn clash(a: Kind, b: Kind) -> bool {
    let alike = std::mem::discriminant(&a) == std::mem::discriminant(&b);
    let beside = |k| matches!(k, Kind::DailyBreak(..));
    alike || (matches!((a, b), (Kind::Closed, _) | (_, Kind::Closed)) && !beside(a) && !beside(b))
}

fn parse_row(line: &str) -> Option<Exception> {
    let mut cells = line.split(',');
    let day: Date = cells.next()?.parse().ok()?;
    let venue = match cells.next()? {
        "cme" => Venue::Cme,
        "nyse" => Venue::Nyse,
        "london" => Venue::London,
        "spx" => Venue::Spx,
        "vix" => Venue::Vix,
        "es" => Venue::Es,
        _ => return None,
    };
    let kind = parse_kind(venue, cells.next()?, cells.next()?)?;
    let trade_date: Option<Date> = match cells.next().unwrap_or_default() {
        "" => None,
        date => Some(date.parse().ok()?),
    };
    let allowed = match kind {
        Kind::Expiry => trade_date.is_some(),
        Kind::EarlyHalt(_) | Kind::LateOpen(_) if venue == Venue::Cme => {
            trade_date.is_none_or(|t| t > day)
        }
        _ => trade_date.is_none(),
    };
    let surplus = cells.count() > 3;
    (allowed && !surplus).then_some(Exception { venue, day, kind, trade_date })
}

fn parse_kind(venue: Venue, kind: &str, time: &str) -> Option<Kind> {
    let expires = matches!(venue, Venue::Spx | Venue::Vix | Venue::Es);
    Some(match (kind, venue) {
        ("expiry", _) if expires && time.is_empty() => Kind::Expiry,
        (_, _) if expires => return None,
        ("closed", _) if time.is_empty() => Kind::Closed,
        ("early_close", Venue::Nyse | Venue::London) => Kind::EarlyClose(time.parse().ok()?),
        ("early_halt", Venue::Cme) => Kind::EarlyHalt(time.parse().ok()?),
        ("late_open", _) => Kind::LateOpen(time.parse().ok()?),
        ("daily_break", Venue::Cme) => {
            let (from, to) = time.split_once('-')?;
            let (from, to): (Time, Time) = (from.parse().ok()?, to.parse().ok()?);
            (from < to).then_some(Kind::DailyBreak(from, to))?
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn rows_of_every_kind() {
        let text = "date,calendar,kind,time_local,trade_date,note,source,checked_on\n\
            2026-01-19,cme,early_halt,13:00,2026-01-20,King,notice,2026-01-02\n\
            2026-01-20,cme,late_open,19:00\n\
            2021-06-25,cme,daily_break,16:15-16:30,,,,\n\
            2026-06-19,spx,expiry,,2026-06-18,,,\n\
            2026-11-27,nyse,early_close,13:00,,,,\n\
            2026-11-27,nyse,late_open,10:00,,,,\n";
        let rows = parse(text).expect("rows");
        assert_eq!(rows.len(), 6);
        let rule = day_rule(&rows, Venue::Nyse, date(2026, 11, 27));
        assert_eq!(rule.open.map(|t| t.hour()), Some(10));
        assert_eq!(rule.until.map(|t| t.hour()), Some(13));
        let rule = day_rule(&rows, Venue::Cme, date(2026, 1, 19));
        assert_eq!(rule.trade_date, Some(date(2026, 1, 20)));
        assert_eq!(day_rule(&rows, Venue::Cme, date(2021, 6, 25)), DayRule::default());
    }

    /// What a row must not say is refused with its line.
    #[test]
    fn bad_rows_are_refused() {
        for line in [
            "2024-13-01,cme,closed,",
            "2024-01-01,tse,closed,",
            "2024-01-01,cme,closed,13:00",
            "2024-01-01,cme,early_close,13:00",
            "2024-01-01,nyse,early_halt,13:00",
            "2024-01-01,nyse,early_close,25:00",
            "2024-01-01,nyse,early_close,",
            "2024-01-01,cme,closed,,2024-01-02",
            "2024-01-15,cme,early_halt,13:00,2024-01-15",
            "2024-01-15,nyse,early_close,13:00,2024-01-16",
            "2024-01-15,cme,daily_break,16:30-16:15",
            "2024-01-15,spx,closed,",
            "2024-01-15,spx,expiry,",
            "2024-01-15,cme,closed,,,a,b,c,d",
            "2024-01-15,cme",
        ] {
            assert_eq!(parse(&format!("# x\n{line}\n")), Err(2), "{line}");
        }
        let twice = "2024-01-15,nyse,closed,\n2024-01-15,nyse,early_close,13:00\n";
        assert_eq!(parse(twice), Err(2));
    }
}
