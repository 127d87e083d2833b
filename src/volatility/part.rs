//! [`Part`]: what the Context carries of volatility, plain and copyable.

use serde::{Deserialize, Serialize};

use crate::units::{Slot, Ts};

/// Most signals that are active at once: one of each kind.
pub const SIGNALS_MAX: usize = 6;

/// Where an index value comes from, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Given by hand for one run.
    Given,
    /// A followed Sierra file.
    Scid,
    /// A DTC server.
    Dtc,
    /// A provider of index values.
    Index,
    /// The last daily close of a history.
    Eod,
}

/// An index value in points with its time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quote {
    /// Points, above 0.
    pub value: f64,
    /// When it was so.
    pub ts: Ts,
    /// Who says it.
    pub source: Source,
    /// Too old for its hours: fit as context, never for signals.
    pub stale: bool,
    /// A daily close.
    pub eod: bool,
}

/// Level regime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[repr(u8)]
pub enum Regime {
    /// Below 12.
    UltraLow = 0,
    /// From 12.
    Low = 1,
    /// From 18.
    Normal = 2,
    /// From 25.
    High = 3,
    /// From 35.
    Extreme = 4,
}

/// State of the index curve, by VIX/VIX3M.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Curve {
    /// Below 0.95.
    Contango,
    /// From 0.95 to 1.
    Flat,
    /// Above 1.
    Backwardation,
}

/// Trend of VIX itself: `Bullish` says that VIX rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// VIX rises.
    Bullish,
    /// Neither.
    Neutral,
    /// VIX falls.
    Bearish,
}

/// Kind of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalKind {
    /// A spike that has turned.
    SpikeReversal,
    /// Low and lower than most of the year.
    Complacency,
    /// A confirmed change of regime.
    RegimeChange,
    /// The curve inverts.
    TermStructure,
    /// Far from the mean of five closes.
    Momentum,
    /// Far above the mean of sixty closes and falling.
    MeanReversion,
}

/// A signal: modifies risk, opens no trade.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// Kind.
    pub kind: SignalKind,
    /// When it fired.
    pub ts: Ts,
    /// −1, 0, +1 for the index future.
    pub direction: i8,
    /// 0 to 1.
    pub strength: f64,
    /// 0 to 1.
    pub confidence: f64,
    /// Factor on size, at most 1.
    pub size_mult: f64,
    /// Factor on the stop distance.
    pub stop_mult: f64,
    /// Factor on the target distance.
    pub target_mult: f64,
    /// Regimes before and after, for a change of regime.
    pub change: Option<(Regime, Regime)>,
}

/// Term structure of the VX futures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Term {
    /// F2/F1 − 1.
    pub contango_12: Slot,
    /// F1/VIX − 1.
    pub basis: Slot,
    /// Thirty-day constant maturity, points.
    pub cm30: Slot,
    /// Of a long position, a day.
    pub roll_yield: Slot,
    /// (VIX − F1)/F1 a day.
    pub yield_to_spot: Slot,
    /// Slope of ln F on days, a day.
    pub slope: Slot,
    /// F4/F1 − 1.
    pub steepness_41: Slot,
    /// F7/F4 − 1.
    pub steepness_74: Slot,
}

/// Everything that the Context says of volatility.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// VIX.
    pub vix: Option<Quote>,
    /// VIX9D.
    pub vix9d: Option<Quote>,
    /// VIX3M.
    pub vix3m: Option<Quote>,
    /// VIX6M.
    pub vix6m: Option<Quote>,
    /// VXN.
    pub vxn: Option<Quote>,
    /// Level regime with hysteresis.
    pub regime: Option<Regime>,
    /// Size multiplier of the regime, 0.5 to 1.
    pub vix_mult: Option<f64>,
    /// VIX above 30; while it is too old for now, `true` stays and anything else is unknown.
    pub stress: Option<bool>,
    /// VIX/VIX3M.
    pub ratio: Slot,
    /// Confirmed curve state.
    pub curve: Option<Curve>,
    /// Ratio above 1.11.
    pub strong_stress: Option<bool>,
    /// Share of the last 252 closes at or below VIX.
    pub percentile: Slot,
    /// VIX over the mean of five closes, less 1.
    pub mom5: Slot,
    /// Of twenty.
    pub mom20: Slot,
    /// Trend of VIX.
    pub trend: Option<Trend>,
    /// Logarithmic z-score over sixty closes.
    pub z_60: Slot,
    /// VX futures; `None` without a feed.
    pub vx: Option<Term>,
    /// Active signals in order of their times.
    pub signals: [Option<Signal>; SIGNALS_MAX],
}
