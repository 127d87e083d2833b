//! A chain with forwards and implied volatilities: what every level and ratio is computed from.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::Known;
use super::chain::{Right, Root};
use crate::units::Ts;

/// Where a leg's volatility comes from, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IvSource {
    /// Solved from the mid of the out-of-the-money leg.
    Own,
    /// The vendor's of the out-of-the-money leg.
    VendorOtm,
    /// The vendor's of the leg itself.
    VendorLeg,
}

/// Where a group's forward comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForwardSource {
    /// Fitted to put–call parity.
    Parity,
    /// The spot, without carry: too few pairs.
    Spot,
}

/// One contract of a strike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leg {
    /// Best bid; 0 says that nobody bids.
    pub bid: Option<f64>,
    /// Best ask.
    pub ask: Option<f64>,
    /// Contracts today.
    pub volume: Option<f64>,
    /// Open interest.
    pub oi: Option<f64>,
    /// Implied volatility in decimals a year by our clock, with its source.
    pub iv: Option<(f64, IvSource)>,
    /// The vendor's delta.
    pub vendor_delta: Option<f64>,
    /// The vendor's gamma.
    pub vendor_gamma: Option<f64>,
}

impl Leg {
    /// Open interest, 0 where it is unknown.
    #[must_use]
    pub fn open(&self) -> f64 {
        self.oi.unwrap_or(0.0)
    }

    /// Middle of a quote with a bid above 0 and an ask above the bid.
    #[must_use]
    pub fn mid(&self) -> Option<f64> {
        let (bid, ask) = (self.bid?, self.ask?);
        (bid > 0.0 && ask > bid).then_some((bid + ask) / 2.0)
    }

    /// The volatility.
    #[must_use]
    pub fn sigma(&self) -> Option<f64> {
        self.iv.map(|(sigma, _)| sigma)
    }
}

/// Both contracts of a strike, where they are listed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Strike {
    /// Index points.
    pub strike: f64,
    /// Its call.
    pub call: Option<Leg>,
    /// Its put.
    pub put: Option<Leg>,
}

impl Strike {
    /// The leg of a right.
    #[must_use]
    pub const fn leg(&self, right: Right) -> Option<&Leg> {
        match right {
            Right::Call => self.call.as_ref(),
            Right::Put => self.put.as_ref(),
        }
    }

    /// The out-of-the-money leg: the call at or above the forward, else the put.
    #[must_use]
    pub fn otm(&self, forward: f64) -> Option<&Leg> {
        self.leg(if self.strike >= forward { Right::Call } else { Right::Put })
    }
}

/// All contracts of one expiry and root.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Expiry date.
    pub expiry: Date,
    /// Its root.
    pub root: Root,
    /// Settlement instant, after `asof`.
    pub settle_ts: Ts,
    /// Years of 365 days to it, above 0.
    pub t: f64,
    /// New York days to the expiry date.
    pub dte: i32,
    /// Contracts of the chain.
    pub contracts: u32,
    /// Pairs of the parity fit.
    pub n_pairs: u32,
    /// Forward, index points.
    pub forward: f64,
    /// Its source.
    pub forward_source: ForwardSource,
    /// Discount factor of the fit, 1 without one.
    pub df: f64,
    /// ln(F/S)/T, 0 without a fit.
    pub carry: f64,
    /// Slope of the smile at the money, per unit of ln(K/F); see `vol_trigger`.
    pub skew_slope: f64,
    /// Strikes, ascending.
    pub strikes: Vec<Strike>,
}

/// Where the spot comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpotSource {
    /// The index print.
    Print,
    /// Parity forward of the nearest expiry.
    Implied,
    /// The future less its basis.
    Futures,
    /// A print that is too old to be fresh.
    StalePrint,
}

/// The spot that levels are computed at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    /// Index points.
    pub value: f64,
    /// Its source.
    pub source: SpotSource,
    /// Its time.
    pub ts: Ts,
}

/// A whole chain, priced.
#[derive(Clone, Debug, PartialEq)]
pub struct Priced {
    /// Time of the data.
    pub asof: Ts,
    /// The spot.
    pub spot: Spot,
    /// Spot implied by the parity forward of the nearest expiry with five pairs or more.
    pub implied: Known<f64>,
    /// Groups by expiry and root.
    pub groups: Vec<Group>,
}

/// A part of a chain: its groups, in the order of the sums.
pub type Scope<'a> = Vec<&'a Group>;
