//! What the features of a bar may read when it has closed.

use crate::bars::{Bar, History};

/// One closed one-minute bar, with what came before it and what recorded sessions say of it.
#[derive(Clone, Copy, Debug)]
pub struct Close<'a> {
    /// The bar, which is also the newest of `history`.
    pub bar: &'a Bar,
    /// The last bars of every session.
    pub history: &'a History,
    /// Whether the active anchor is that of the cash session.
    pub rth: bool,
    /// Wilder's average true range over 20 one-minute bars, in ticks.
    pub atr20: Option<f64>,
    /// ½·sign of the last swing highs' change + ½·that of the lows, over one-minute bars.
    pub structure: Option<f64>,
    /// CVD of the active anchor at this close, in contracts.
    pub cvd: i64,
    /// What is usual at this minute.
    pub usual: Usual,
}

/// What recorded sessions say about a minute; every part is `None` without a baseline.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usual {
    /// Volume of the bar over the median of the same minute.
    pub rvol: Option<f64>,
    /// Volume of the last five bars over the median of the same minutes.
    pub rvol_set: Option<f64>,
    /// 97.5th percentile of `rvol` over all minutes of the recorded sessions.
    pub rvol_high: Option<f64>,
    /// Mean and deviation of δ at the same minute, in contracts.
    pub delta: Option<(f64, f64)>,
    /// Mean and deviation of the slope of CVD over 20 bars at the same minute, in contracts a bar.
    pub cvd_slope: Option<(f64, f64)>,
}

/// Sizes that recorded sessions call large under one session label, in contracts; `None` without
/// enough of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LargeSizes {
    /// 95th percentile of level sizes at minute closes, ten levels a side.
    pub level: Option<f64>,
    /// 90th percentile of sizes added to a level at once.
    pub added: Option<f64>,
    /// 99.5th percentile of prints; needs five sessions.
    pub print: Option<f64>,
}
