//! What the risk remembers beyond a run, and its text.
//!
//! ```text
//! mia risk 1
//! saved=1768392000000000000
//! month_peak=101500.0
//! hold.day_loss=20466
//! sum=0123456789abcdef
//! ```
//!
//! One `key=value` a line, every key once and in this order, `-` where there is no value; numbers
//! as they print and parse without loss. The last line is XXH3 of all bytes before it: a text with
//! any byte changed, missing or added is refused.

use std::fmt::{Display, Write};
use std::str::{FromStr, Lines};

use super::kill::{Holds, Rule};
use super::params::Params;
use crate::units::Ts;

/// First line: what it is and the version of the format.
const HEAD: &str = "mia risk 1";
/// Key of the last line.
const SUM: &str = "sum=";

/// Counters, peaks and holds. Two with the same text are the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct State {
    /// Receive time of the last change.
    pub saved: Ts,
    /// Start of the last label's session, market time.
    pub session: Ts,
    /// Last trade date, days since 1970-01-01; `i32::MIN` before any.
    pub trade_day: i32,
    /// Its month: year · 12 + month − 1.
    pub month: i32,
    /// Last equity that the broker reported, open profit included, USD.
    pub balance: Option<f64>,
    /// Profit of the trades that were closed since that report, USD.
    pub closed_usd: f64,
    /// Open profit at that report, USD.
    pub reported_open_usd: f64,
    /// Open profit now, USD.
    pub open_usd: f64,
    /// Open profit now, R.
    pub open_r: f64,
    /// Greatest equity of the month, its first included, USD.
    pub month_peak: Option<f64>,
    /// Closed trades of the session, R.
    pub session_r: f64,
    /// Closed trades of the day, R.
    pub day_r: f64,
    /// Closed trades of the day, USD net.
    pub day_usd: f64,
    /// Losses in a row.
    pub losses: u32,
    /// Until when entries pause, receive time.
    pub pause_until: Ts,
    /// Positions that were opened on the trade date.
    pub trades: u32,
    /// What holds the kill switch.
    pub holds: Holds,
}

impl Default for State {
    fn default() -> State {
        State {
            saved: Ts::NONE,
            session: Ts::NONE,
            trade_day: i32::MIN,
            month: 0,
            balance: None,
            closed_usd: 0.0,
            reported_open_usd: 0.0,
            open_usd: 0.0,
            open_r: 0.0,
            month_peak: None,
            session_r: 0.0,
            day_r: 0.0,
            day_usd: 0.0,
            losses: 0,
            pause_until: Ts::NONE,
            trades: 0,
            holds: Holds::default(),
        }
    }
}

/// Why a text is no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateError {
    /// Another format or version.
    Head,
    /// The sum does not fit: bytes were changed or are missing.
    Damaged,
    /// The value of this key cannot be read, or the key is not where it belongs.
    Key(&'static str),
    /// Something that this version does not know.
    Surplus,
}

impl Display for StateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StateError::Head => write!(f, "risk state: the first line is not \"{HEAD}\""),
            StateError::Damaged => f.write_str("risk state: damaged, the sum does not fit"),
            StateError::Key(key) => write!(f, "risk state: cannot read {key}"),
            StateError::Surplus => f.write_str("risk state: a line too many"),
        }
    }
}

impl std::error::Error for StateError {}

impl State {
    /// Equity now, USD: the last report and what came since; `None` before any report.
    #[must_use]
    pub fn equity(&self) -> Option<f64> {
        let equity = self.balance? + self.closed_usd + self.open_usd - self.reported_open_usd;
        Some(equity).filter(|usd| usd.is_finite())
    }

    /// The state that counts at a start: the newer one, with what either holds. Deterministic and
    /// the same from both sides, as long as the two were not saved at the same instant.
    #[must_use]
    pub fn join(self, other: State) -> State {
        let (newer, older) = if other.saved > self.saved { (other, self) } else { (self, other) };
        State { holds: newer.holds.join(&older.holds), ..newer }
    }

    /// Everything that is open has ended with the run, at its last mark: it counts like what was
    /// closed, and for the equity it is no open profit any more.
    pub fn end_positions(&mut self, params: &Params) {
        let (usd, r) = (self.open_usd, self.open_r);
        self.closed_usd += usd - self.reported_open_usd;
        self.day_usd += usd;
        self.day_r += r;
        self.session_r += r;
        if usd < 0.0 {
            self.losses = self.losses.saturating_add(1);
            if self.losses >= params.losses_max {
                self.pause_until = Ts(self.saved.0.saturating_add(params.pause_ns));
            }
        }
        (self.open_usd, self.open_r, self.reported_open_usd) = (0.0, 0.0, 0.0);
    }

    /// The text of the module's description.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEAD}\n");
        let mut line = |key: &str, value: &dyn Display| {
            // Writing to a string cannot fail.
            _ = writeln!(text, "{key}={value}");
        };
        line("saved", &time(self.saved));
        line("session", &time(self.session));
        line("trade_day", &self.trade_day);
        line("month", &self.month);
        line("balance", &number(self.balance));
        line("closed_usd", &number(Some(self.closed_usd)));
        line("reported_open_usd", &number(Some(self.reported_open_usd)));
        line("open_usd", &number(Some(self.open_usd)));
        line("open_r", &number(Some(self.open_r)));
        line("month_peak", &number(self.month_peak));
        line("session_r", &number(Some(self.session_r)));
        line("day_r", &number(Some(self.day_r)));
        line("day_usd", &number(Some(self.day_usd)));
        line("losses", &self.losses);
        line("pause_until", &time(self.pause_until));
        line("trades", &self.trades);
        for (rule, since) in self.holds.iter() {
            line(&format!("hold.{}", rule.name()), &since);
        }
        let sum = xxhash_rust::xxh3::xxh3_64(text.as_bytes());
        _ = writeln!(text, "{SUM}{sum:016x}");
        text
    }

    /// The state of a text.
    ///
    /// # Errors
    /// [`StateError`] for anything that [`State::to_text`] did not write.
    pub fn from_text(text: &str) -> Result<State, StateError> {
        if text.lines().next() != Some(HEAD) {
            return Err(StateError::Head);
        }
        let (body, sum) = text.rsplit_once(SUM).ok_or(StateError::Damaged)?;
        let own = format!("{:016x}\n", xxhash_rust::xxh3::xxh3_64(body.as_bytes()));
        if sum != own {
            return Err(StateError::Damaged);
        }
        let mut lines = body.lines();
        lines.next();
        let lines = &mut lines;
        let mut state = State {
            saved: take_time(lines, "saved")?,
            session: take_time(lines, "session")?,
            trade_day: take(lines, "trade_day")?,
            month: take(lines, "month")?,
            balance: take_number(lines, "balance")?,
            closed_usd: take_known(lines, "closed_usd")?,
            reported_open_usd: take_known(lines, "reported_open_usd")?,
            open_usd: take_known(lines, "open_usd")?,
            open_r: take_known(lines, "open_r")?,
            month_peak: take_number(lines, "month_peak")?,
            session_r: take_known(lines, "session_r")?,
            day_r: take_known(lines, "day_r")?,
            day_usd: take_known(lines, "day_usd")?,
            losses: take(lines, "losses")?,
            pause_until: take_time(lines, "pause_until")?,
            trades: take(lines, "trades")?,
            holds: Holds::default(),
        };
        for line in lines {
            let (key, since) = line.split_once('=').ok_or(StateError::Surplus)?;
            let rule =
                key.strip_prefix("hold.").and_then(Rule::named).ok_or(StateError::Surplus)?;
            let since = since.parse().map_err(|_| StateError::Key(rule.name()))?;
            state.holds.set(rule, Some(since));
        }
        Ok(state)
    }
}

fn time(ts: Ts) -> String {
    if ts.is_some() { ts.0.to_string() } else { "-".to_owned() }
}

fn number(value: Option<f64>) -> String {
    value.filter(|v| v.is_finite()).map_or_else(|| "-".to_owned(), |v| format!("{v:?}"))
}

fn value<'a>(lines: &mut Lines<'a>, key: &'static str) -> Result<&'a str, StateError> {
    let line = lines.next().and_then(|line| line.strip_prefix(key));
    line.and_then(|rest| rest.strip_prefix('=')).ok_or(StateError::Key(key))
}

fn take<T: FromStr>(lines: &mut Lines<'_>, key: &'static str) -> Result<T, StateError> {
    value(lines, key)?.parse().map_err(|_| StateError::Key(key))
}

fn take_time(lines: &mut Lines<'_>, key: &'static str) -> Result<Ts, StateError> {
    match value(lines, key)? {
        "-" => Ok(Ts::NONE),
        text => text.parse().map(Ts).map_err(|_| StateError::Key(key)),
    }
}

fn take_number(lines: &mut Lines<'_>, key: &'static str) -> Result<Option<f64>, StateError> {
    match value(lines, key)? {
        "-" => Ok(None),
        text => {
            let number: f64 = text.parse().map_err(|_| StateError::Key(key))?;
            if number.is_finite() { Ok(Some(number)) } else { Err(StateError::Key(key)) }
        }
    }
}

fn take_known(lines: &mut Lines<'_>, key: &'static str) -> Result<f64, StateError> {
    take_number(lines, key)?.ok_or(StateError::Key(key))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::order::KillState;

    fn finite() -> impl Strategy<Value = f64> {
        any::<f64>().prop_filter("finite", |x| x.is_finite())
    }

    fn any_state() -> impl Strategy<Value = State> {
        let times = any::<[i64; 3]>();
        let numbers = prop::collection::vec(finite(), 9);
        let options = any::<[bool; 2]>();
        let counts = any::<(i32, i32, u32, u32)>();
        let holds = prop::collection::vec(prop::option::of(any::<i64>()), Rule::ALL.len());
        (times, numbers, options, counts, holds).prop_map(|(times, n, some, counts, holds)| {
            let mut state = State {
                saved: Ts(times[0]),
                session: Ts(times[1]),
                trade_day: counts.0,
                month: counts.1,
                balance: some[0].then_some(n[0]),
                closed_usd: n[1],
                reported_open_usd: n[2],
                open_usd: n[3],
                open_r: n[4],
                month_peak: some[1].then_some(n[5]),
                session_r: n[6],
                day_r: n[7],
                day_usd: n[8],
                losses: counts.2,
                pause_until: Ts(times[2]),
                trades: counts.3,
                holds: Holds::default(),
            };
            for (&rule, since) in Rule::ALL.iter().zip(holds) {
                state.holds.set(rule, since);
            }
            state
        })
    }

    #[test]
    fn a_fresh_state_reads_back() {
        let text = State::default().to_text();
        assert_eq!(State::from_text(&text), Ok(State::default()));
        assert!(text.starts_with("mia risk 1\nsaved=-\n"), "{text}");
        assert_eq!(State::default().equity(), None);
    }

    /// What was open counts like what was closed: nobody sheds a loss by a new start.
    #[test]
    fn positions_that_end_with_the_run_are_counted() {
        let params = Params::default();
        let mut state = State { saved: Ts(7), balance: Some(1e5), ..State::default() };
        (state.closed_usd, state.open_usd, state.open_r) = (-100.0, -400.0, -1.5);
        (state.reported_open_usd, state.losses) = (50.0, params.losses_max - 1);
        (state.day_usd, state.day_r, state.session_r) = (-100.0, -0.5, -0.25);
        let equity = state.equity();
        state.end_positions(&params);
        assert_eq!(state.equity(), equity);
        assert_eq!((state.day_usd, state.day_r, state.session_r), (-500.0, -2.0, -1.75));
        assert_eq!((state.open_usd, state.open_r, state.reported_open_usd), (0.0, 0.0, 0.0));
        assert_eq!((state.losses, state.pause_until), (params.losses_max, Ts(7 + params.pause_ns)));
        let before = state;
        state.end_positions(&params);
        assert_eq!(state, before, "once");
        // A gain that nobody has realised ends no row of losses.
        state.open_usd = 10.0;
        state.end_positions(&params);
        assert_eq!((state.day_usd, state.losses), (-490.0, params.losses_max));
    }

    /// A right sum does not make a wrong content right.
    #[test]
    fn what_is_refused_with_a_right_sum() {
        let good = State::default().to_text();
        let body = good.rsplit_once(SUM).expect("sum").0.to_owned();
        let summed = |body: String| {
            let sum = xxhash_rust::xxh3::xxh3_64(body.as_bytes());
            State::from_text(&format!("{body}{SUM}{sum:016x}\n"))
        };
        assert_eq!(summed(body.clone()), Ok(State::default()));
        for (from, to, error) in [
            ("mia risk 1", "mia risk 2", StateError::Head),
            ("saved=-\n", "", StateError::Key("saved")),
            ("losses=0", "losses=-1", StateError::Key("losses")),
            ("losses=0", "losses=", StateError::Key("losses")),
            ("day_r=0.0", "day_r=NaN", StateError::Key("day_r")),
            ("day_r=0.0", "day_r=-", StateError::Key("day_r")),
            ("month_peak=-", "month_peak=inf", StateError::Key("month_peak")),
            ("trade_day=-2147483648", "trade_day=3000000000", StateError::Key("trade_day")),
            ("trades=0\n", "trades=0\nhold.day_loss=x\n", StateError::Key("day_loss")),
            ("trades=0\n", "trades=0\nhold.weather=1\n", StateError::Surplus),
            ("trades=0\n", "trades=0\ntrades=0\n", StateError::Surplus),
            ("trades=0\n", "trades=0\n\n", StateError::Surplus),
        ] {
            let changed = body.replace(from, to);
            assert_ne!(changed, body, "{from} is there");
            assert_eq!(summed(changed), Err(error), "{from} -> {to}");
        }
        assert_eq!(State::from_text(""), Err(StateError::Head));
        assert_eq!(State::from_text("mia risk 1\n"), Err(StateError::Damaged));
    }

    #[test]
    fn the_newer_counts_and_the_stricter_holds() {
        let mut file = State { saved: Ts(5), trades: 3, losses: 1, ..State::default() };
        file.holds.set(Rule::Trading, Some(0));
        let tail = State { saved: Ts(9), trades: 4, balance: Some(1e5), ..State::default() };
        let joined = file.join(tail);
        assert_eq!(joined, tail.join(file));
        assert_eq!((joined.trades, joined.losses, joined.saved), (4, 0, Ts(9)));
        assert_eq!(joined.holds.state(), KillState::HaltTrading);
        // No state at all is older than any.
        assert_eq!(State::default().join(file), file);
    }

    proptest! {
        #[test]
        fn round_trip(state in any_state()) {
            let text = state.to_text();
            prop_assert_eq!(State::from_text(&text), Ok(state));
        }

        /// Cut, changed, inserted: whatever differs is refused.
        #[test]
        fn damage_is_refused(
            state in any_state(),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let text = state.to_text().into_bytes();
            let at = at.index(text.len());
            let refused = |bytes: Vec<u8>| {
                // What is not UTF-8 never gets here.
                String::from_utf8(bytes).map_or(true, |text| State::from_text(&text).is_err())
            };
            prop_assert!(refused(text[..at].to_vec()), "cut at {}", at);
            prop_assert!(refused(text[at + 1..].to_vec()), "begins at {}", at + 1);
            let mut other = text.clone();
            other[at] = byte;
            prop_assert!(byte == text[at] || refused(other), "changed at {}", at);
            let mut other = text.clone();
            other.insert(at, byte);
            prop_assert!(refused(other), "inserted at {}", at);
            let mut other = text.clone();
            other.remove(at);
            prop_assert!(refused(other), "removed at {}", at);
        }

        #[test]
        fn join_is_stricter_than_either(a in any_state(), b in any_state()) {
            let joined = a.join(b);
            prop_assert!(joined.holds.state() >= a.holds.state().max(b.holds.state()));
            prop_assert_eq!(joined.saved, a.saved.max(b.saved));
            prop_assert_eq!(joined.join(b).holds, joined.holds);
        }
    }
}
