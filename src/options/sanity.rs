//! Whether a snapshot may be used: hard gates, then a score from 100 downwards.
//!
//! A failed gate means `NO_GO` whatever the score; else 80 and more is `GO`, 60 and more `CAUTION`.
//! A gate says what was found and what is allowed. Own design. Cost: constant.

use super::Known;
use super::chain::DelayClass;

/// Seconds of age, beyond the declared delay, that are allowed when a snapshot is written.
pub const AGE_MAX_S: f64 = 900.0;
/// Greatest |S/F − 1| against the nearest parity forward.
pub const SPOT_MAX: f64 = 0.005;
/// Least distinct strikes of each right in each of the nearest expiries.
pub const STRIKES_MIN: u32 = 20;
/// Least share of contracts whose open interest is known.
pub const OI_MIN: f64 = 0.95;
/// Least share of open interest with a volatility.
pub const IV_MIN: f64 = 0.80;
/// Oldest basis of the futures rows, s.
pub const BASIS_AGE_MAX_S: f64 = 600.0;
/// Distance of `vix_like` from VIX that counts towards the alarm, index points.
pub const VIX_DIFF_MAX: f64 = 0.5;

/// Verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// May be used.
    Go,
    /// May be used; read the warnings.
    Caution,
    /// May not: nothing but the snapshot is written.
    NoGo,
}

impl Status {
    /// Name as it stands in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Status::Go => "GO",
            Status::Caution => "CAUTION",
            Status::NoGo => "NO_GO",
        }
    }
}

/// Zero gamma as the checks see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flip {
    /// A level whose quality needs no remark.
    Good,
    /// A level of quality `ambiguous` or `edge`.
    Doubtful,
    /// Net gamma has one sign everywhere: a legitimate state.
    OneSign,
    /// It could not be computed.
    NotComputable,
}

/// What is checked. Shares are 0 to 1, levels index points, exposures USD per 1 %.
#[derive(Clone, Debug, PartialEq)]
pub struct Checks {
    /// Delay class of the source.
    pub delay: DelayClass,
    /// Provider, empty where it is unknown.
    pub provider: String,
    /// Partitions of the fetch that failed.
    pub failed_partitions: u32,
    /// Write time less data time, s.
    pub age_s: f64,
    /// Stated delay, s.
    pub declared_delay_s: u32,
    /// Spot.
    pub spot: Option<f64>,
    /// Parity forward of the nearest group that has one.
    pub forward: Option<f64>,
    /// Fewest distinct strikes of a right in any of the three nearest expiries.
    pub strikes: Option<u32>,
    /// Contracts with known open interest over all.
    pub oi_complete: Known<f64>,
    /// Sum of open interest, contracts.
    pub oi_total: f64,
    /// Open interest with a volatility over all.
    pub iv_coverage: Known<f64>,
    /// Settled contracts in the scope.
    pub expired: u32,
    /// Call wall.
    pub call_wall: Option<f64>,
    /// Put wall.
    pub put_wall: Option<f64>,
    /// State of the flip.
    pub flip: Flip,
    /// Its level.
    pub flip_level: Option<f64>,
    /// Level of the vol trigger.
    pub vol_trigger: Option<f64>,
    /// Contracts with an own volatility over all.
    pub own_share: Known<f64>,
    /// Median relative spread near the money.
    pub near_rel_spread: Known<f64>,
    /// Net gamma exposure.
    pub net: f64,
    /// Gross.
    pub gross: f64,
    /// Net with the vendor's gammas.
    pub vendor_net: Known<f64>,
    /// `vix_like` less VIX of the last snapshots in regular hours, this one's last.
    pub vix_diffs: Vec<f64>,
    /// Whether futures rows were asked for, and the age of the oldest basis, s.
    pub futures: Option<Known<f64>>,
    /// What is wrong with rows of the charting file.
    pub row_errors: Vec<String>,
}

/// A hard gate.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// Name.
    pub name: &'static str,
    /// Whether it passed.
    pub ok: bool,
    /// What was found; `None` where it could not be evaluated.
    pub value: Option<f64>,
    /// What is allowed.
    pub limit: f64,
}

/// Gates, score and what to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Verdict.
    pub status: Status,
    /// 0 to 100.
    pub score: i32,
    /// Hard gates.
    pub gates: Vec<Gate>,
    /// Why it may not be used.
    pub errors: Vec<String>,
    /// What took points.
    pub warnings: Vec<String>,
    /// What to do.
    pub recommendations: Vec<String>,
}

/// Evaluates every gate and every deduction.
#[must_use]
pub fn check(checks: &Checks) -> Verdict {
    let gates = gates(checks);
    let failed: Vec<&Gate> = gates.iter().filter(|g| !g.ok).collect();
    let errors = failed.iter().map(|g| explain(g, checks)).collect();
    let mut score = Score { points: 100, warnings: Vec::new() };
    for deduct in [levels, quality, outside] {
        deduct(checks, &mut score);
    }
    let points = score.points.clamp(0, 100);
    let status = match points {
        _ if !failed.is_empty() => Status::NoGo,
        80.. => Status::Go,
        60.. => Status::Caution,
        _ => Status::NoGo,
    };
    let recommendations = recommend(&failed, status);
    Verdict { status, score: points, warnings: score.warnings, errors, recommendations, gates }
}

fn gates(c: &Checks) -> Vec<Gate> {
    let gate = |name, ok, value, limit| Gate { name, ok, value, limit };
    let known = |k: Known<f64>| k.ok().filter(|x| x.is_finite());
    let unknown_source = c.delay == DelayClass::Simulated || c.provider.is_empty();
    let deviation = match (c.spot, c.forward) {
        (Some(s), Some(f)) if f > 0.0 => Some((s / f - 1.0).abs()),
        _ => None,
    };
    let age_limit = AGE_MAX_S + f64::from(c.declared_delay_s);
    let walls = u8::from(c.call_wall.is_some()) + u8::from(c.put_wall.is_some());
    let complete = known(c.oi_complete);
    let coverage = known(c.iv_coverage);
    vec![
        gate("source", !unknown_source, Some(f64::from(u8::from(unknown_source))), 0.0),
        gate("fetch", c.failed_partitions == 0, Some(f64::from(c.failed_partitions)), 0.0),
        gate("age", c.age_s <= age_limit, Some(c.age_s).filter(|a| a.is_finite()), age_limit),
        gate(
            "spot",
            c.spot.is_some() && deviation.is_none_or(|d| d <= SPOT_MAX),
            deviation,
            SPOT_MAX,
        ),
        gate(
            "strikes",
            c.strikes.is_some_and(|n| n >= STRIKES_MIN),
            c.strikes.map(f64::from),
            f64::from(STRIKES_MIN),
        ),
        gate("walls", walls > 0, Some(f64::from(walls)), 1.0),
        gate("oi", c.oi_total > 0.0 && complete.is_some_and(|s| s >= OI_MIN), complete, OI_MIN),
        gate("iv", coverage.is_some_and(|s| s >= IV_MIN), coverage, IV_MIN),
        gate("expired", c.expired == 0, Some(f64::from(c.expired)), 0.0),
    ]
}

/// A failed gate in words.
fn explain(gate: &Gate, c: &Checks) -> String {
    let percent =
        |x: Option<f64>| x.map_or("unknown".to_owned(), |x| format!("{:.2} %", 100.0 * x));
    let text = match gate.name {
        "source" if c.provider.is_empty() => "the source is unknown".to_owned(),
        "source" => "the data are simulated".to_owned(),
        "fetch" => format!("{} partitions of the fetch failed", c.failed_partitions),
        "age" => format!("the data are {:.0} s old, allowed {:.0} s", c.age_s, gate.limit),
        "spot" if c.spot.is_none() => "there is no spot".to_owned(),
        "spot" => format!("spot and forward differ by {}, allowed 0.5 %", percent(gate.value)),
        "strikes" => match c.strikes {
            Some(n) => format!("a near expiry lists {n} strikes of a right, needed {STRIKES_MIN}"),
            None => "there is no expiry".to_owned(),
        },
        "walls" => "there is neither a call wall nor a put wall".to_owned(),
        "oi" if c.oi_total <= 0.0 => "the open interest is zero".to_owned(),
        "oi" => format!("open interest is known for {}, needed 95 %", percent(gate.value)),
        "iv" => format!("volatilities cover {} of open interest, needed 80 %", percent(gate.value)),
        _ => format!("{} settled contracts are in the scope", c.expired),
    };
    format!("{}: {text}", gate.name)
}

struct Score {
    points: i32,
    warnings: Vec<String>,
}

impl Score {
    fn deduct(&mut self, when: bool, points: i32, why: impl FnOnce() -> String) {
        if when {
            self.points = self.points.saturating_sub(points);
            self.warnings.push(format!("{} (-{points})", why()));
        }
    }
}

/// Deductions for walls, flip and trigger.
fn levels(c: &Checks, score: &mut Score) {
    score.deduct(c.call_wall.is_none(), 20, || "no call wall".to_owned());
    score.deduct(c.put_wall.is_none(), 20, || "no put wall".to_owned());
    let same = c.call_wall.is_some() && c.call_wall == c.put_wall;
    score.deduct(same, 15, || "call wall and put wall are the same strike".to_owned());
    score.deduct(c.flip == Flip::NotComputable, 25, || "the flip is not computable".to_owned());
    score.deduct(c.flip == Flip::OneSign, 5, || "net gamma has one sign everywhere".to_owned());
    score
        .deduct(c.flip == Flip::Doubtful, 10, || "the flip is ambiguous or at the edge".to_owned());
    let Some(spot) = c.spot.filter(|s| *s > 0.0) else { return };
    if let Some(flip) = c.flip_level {
        let away = 100.0 * (flip - spot).abs() / spot;
        score.deduct(away > 5.0, 5, || format!("the flip is {away:.1} % away"));
        score.deduct(flip > spot && c.net > 0.0, 5, || {
            "the flip is above the spot while net gamma is positive".to_owned()
        });
    }
    if let Some(trigger) = c.vol_trigger {
        let away = 100.0 * (trigger - spot).abs() / spot;
        score.deduct(away > 10.0, 3, || format!("the vol trigger is {away:.1} % away"));
    }
}

/// Deductions for the quality of quotes and volatilities.
fn quality(c: &Checks, score: &mut Score) {
    if let Ok(own) = c.own_share {
        let without = 100.0 * (1.0 - own);
        score.deduct(own < 0.8, 10, || {
            format!("{without:.1} % of contracts without own volatility")
        });
    } else {
        score.deduct(true, 10, || "no contract has an own volatility".to_owned());
    }
    if let Ok(spread) = c.near_rel_spread {
        let percent = 100.0 * spread;
        score.deduct(spread > 0.25, 10, || {
            format!("spreads near the money are {percent:.0} % wide")
        });
    }
    if let Ok(vendor) = c.vendor_net {
        let off = (vendor - c.net).abs();
        score.deduct(off > 0.05 * c.gross, 5, || {
            format!("the vendor's gammas give {:+.2e} more", vendor - c.net)
        });
    }
}

/// Deductions for what is compared with the outside.
fn outside(c: &Checks, score: &mut Score) {
    let last: Vec<f64> = c.vix_diffs.iter().rev().take(3).copied().collect();
    let alarm = last.len() == 3 && last.iter().all(|d| d.abs() > VIX_DIFF_MAX);
    score.deduct(alarm, 5, || "the VIX arithmetic differs from VIX three times running".to_owned());
    match c.futures {
        Some(Ok(age)) => score
            .deduct(age > BASIS_AGE_MAX_S, 5, || format!("the futures basis is {age:.0} s old")),
        Some(Err(_)) => score.deduct(true, 5, || "no futures basis".to_owned()),
        None => {}
    }
    for error in &c.row_errors {
        score.deduct(true, 2, || format!("row: {error}"));
    }
}

fn recommend(failed: &[&Gate], status: Status) -> Vec<String> {
    let mut say: Vec<String> = Vec::new();
    for gate in failed {
        say.push(match gate.name {
            "source" => "use a real source".to_owned(),
            "fetch" | "age" => "fetch again".to_owned(),
            "spot" => "give a spot source that fits the data time".to_owned(),
            "strikes" => "widen the fetch filter".to_owned(),
            "oi" | "iv" | "walls" => "wait for a complete chain or use another provider".to_owned(),
            _ => "check the data time".to_owned(),
        });
    }
    say.dedup();
    match status {
        Status::Go => {}
        Status::Caution => say.push("read the warnings before using a level".to_owned()),
        Status::NoGo => say.push("do not use these levels".to_owned()),
    }
    say
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::null;
    use crate::units::Reason;

    fn good() -> Checks {
        Checks {
            delay: DelayClass::Delayed15,
            provider: "cboe_csv".to_owned(),
            failed_partitions: 0,
            age_s: 0.0,
            declared_delay_s: 900,
            spot: Some(3856.28),
            forward: Some(3856.82),
            strikes: Some(100),
            oi_complete: Ok(1.0),
            oi_total: 1e7,
            iv_coverage: Ok(0.99),
            expired: 0,
            call_wall: Some(4000.0),
            put_wall: Some(3800.0),
            flip: Flip::Good,
            flip_level: Some(3953.4),
            vol_trigger: Some(3985.8),
            own_share: Ok(0.8684),
            near_rel_spread: Ok(0.02),
            net: -17.8e9,
            gross: 118.7e9,
            vendor_net: Ok(-17.5e9),
            vix_diffs: vec![],
            futures: None,
            row_errors: vec![],
        }
    }

    fn with(change: impl FnOnce(&mut Checks)) -> Verdict {
        let mut checks = good();
        change(&mut checks);
        check(&checks)
    }

    #[test]
    fn all_good() {
        let got = with(|_| {});
        assert_eq!((got.status, got.score), (Status::Go, 100));
        assert!(got.errors.is_empty() && got.warnings.is_empty() && got.gates.len() == 9);
        assert!(got.gates.iter().all(|g| g.ok));
    }

    #[test]
    fn every_gate() {
        let failing = |name: &str, change: &dyn Fn(&mut Checks)| {
            let got = with(change);
            let failed: Vec<_> = got.gates.iter().filter(|g| !g.ok).map(|g| g.name).collect();
            assert_eq!(failed, vec![name]);
            assert_eq!(got.status, Status::NoGo, "{name}");
            assert!(got.errors.len() == 1 && got.errors[0].starts_with(name), "{:?}", got.errors);
            assert!(!got.recommendations.is_empty());
        };
        failing("source", &|c| c.delay = DelayClass::Simulated);
        failing("source", &|c| c.provider = String::new());
        failing("fetch", &|c| c.failed_partitions = 1);
        failing("age", &|c| c.age_s = 1800.5);
        failing("age", &|c| c.age_s = f64::NAN);
        failing("spot", &|c| c.spot = None);
        failing("spot", &|c| c.spot = Some(3877.0));
        failing("strikes", &|c| c.strikes = Some(19));
        failing("strikes", &|c| c.strikes = None);
        failing("walls", &|c| (c.call_wall, c.put_wall) = (None, None));
        failing("oi", &|c| c.oi_complete = Ok(0.949));
        failing("oi", &|c| c.oi_total = 0.0);
        failing("iv", &|c| c.iv_coverage = Ok(0.799));
        failing("iv", &|c| c.iv_coverage = null(Reason::ZeroDenominator, ""));
        failing("expired", &|c| c.expired = 3);
        // At the limit all pass; without a forward the spot is not compared.
        let edge = with(|c| {
            (c.age_s, c.strikes, c.oi_complete, c.iv_coverage) =
                (1800.0, Some(20), Ok(0.95), Ok(0.8));
            (c.forward, c.spot) = (None, Some(9999.0));
            (c.flip_level, c.vol_trigger) = (None, None);
        });
        assert_eq!(edge.status, Status::Go, "{:?}", edge.errors);
        assert_eq!(edge.gates[3].value, None);
    }

    #[test]
    fn every_deduction() {
        let costs = |points: i32, change: &dyn Fn(&mut Checks)| {
            let got = with(change);
            assert_eq!(100 - got.score, points, "{:?}", got.warnings);
            assert!(!got.warnings.is_empty());
        };
        costs(20, &|c| c.call_wall = None);
        costs(20, &|c| c.put_wall = None);
        costs(15, &|c| c.put_wall = c.call_wall);
        costs(25, &|c| (c.flip, c.flip_level) = (Flip::NotComputable, None));
        costs(5, &|c| (c.flip, c.flip_level) = (Flip::OneSign, None));
        costs(10, &|c| c.flip = Flip::Doubtful);
        costs(10, &|c| c.own_share = Ok(0.79));
        costs(10, &|c| c.near_rel_spread = Ok(0.26));
        costs(5, &|c| (c.net, c.vendor_net) = (1e9, Ok(1e9)));
        costs(5, &|c| c.flip_level = Some(3856.28 * 1.051));
        costs(3, &|c| c.vol_trigger = Some(3856.28 * 0.899));
        costs(5, &|c| c.vendor_net = Ok(c.net + 0.051 * c.gross));
        costs(5, &|c| c.vix_diffs = vec![0.1, 0.6, -0.7, 0.9]);
        costs(5, &|c| c.futures = Some(null(Reason::NoInput, "")));
        costs(5, &|c| c.futures = Some(Ok(601.0)));
        costs(4, &|c| c.row_errors = vec!["a".to_owned(), "b".to_owned()]);
        for free in [
            with(|c| c.vix_diffs = vec![0.6, 0.1, 0.9]),
            with(|c| c.vix_diffs = vec![0.6, 0.9]),
            with(|c| c.futures = Some(Ok(600.0))),
            with(|c| c.own_share = Ok(0.8)),
        ] {
            assert_eq!(free.score, 100);
        }
    }

    #[test]
    fn verdicts() {
        let one = with(|c| c.call_wall = None);
        assert_eq!((one.score, one.status), (80, Status::Go));
        let two = with(|c| (c.call_wall, c.own_share) = (None, Ok(0.5)));
        assert_eq!((two.score, two.status), (70, Status::Caution));
        let three = with(|c| {
            (c.call_wall, c.own_share) = (None, Ok(0.5));
            (c.flip, c.flip_level) = (Flip::NotComputable, None);
        });
        assert_eq!((three.score, three.status), (45, Status::NoGo));
        let floor = with(|c| c.row_errors = vec![String::new(); 99]);
        assert_eq!(floor.score, 0);
    }
}
