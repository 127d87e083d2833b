//! Columns of what is behind the features: levels, patterns, bases, depth events, regimes.
//!
//! New columns go at the end, so that a reader by position keeps working.

use super::columns::{Get, Line, Sample};
use crate::book::BookState;
use crate::calendar::scale::SessionScale;
use crate::features::dom::{Dom, Kind};
use crate::features::frame::NearBase;
use crate::features::imbalance;
use crate::features::minutes::Minutes;
use crate::features::navale;
use crate::features::smart_money::Lean;
use crate::features::vwap::{Anchor, Zone};
use crate::profile::Shape;
use crate::units::{Px, Side};

impl Sample<'_> {
    fn minutes(&self) -> &Minutes {
        self.features.minutes()
    }

    fn dom(&self) -> &Dom {
        self.features.dom()
    }

    fn level(&self, px: Option<Px>) -> Option<f64> {
        Some(self.points(px?))
    }

    fn anchored(&self, anchor: Anchor, deviations: f64) -> Option<f64> {
        Some(self.scaled(self.minutes().vwaps().at(anchor).band(deviations)?))
    }

    fn vwap_slope(&self, span: usize) -> Option<f64> {
        let vwaps = self.minutes().vwaps();
        let slope = vwaps.active(self.minutes().is_rth()).slopes().get(span).copied().flatten();
        Some(self.scaled(slope?))
    }

    fn timeframe_atr(&self, which: usize) -> Option<f64> {
        Some(self.scaled(self.minutes().timeframes().get(which)?.atr20()?))
    }

    fn events(&self, kind: Kind, side: Side) -> Option<i64> {
        self.dom().count(kind, side).ok().and_then(|n| i64::try_from(n).ok())
    }

    fn navale(&self) -> Option<&navale::Reading> {
        self.minutes().navale().reading()
    }

    fn base(&self) -> Option<NearBase> {
        self.frame().base
    }
}

/// See the module text.
pub(super) const BEHIND: &[Line] = &[
    (
        "cvd_slope",
        "contracts/min",
        "least-squares slope of CVD over 20 bars",
        Get::Number(|s| s.minutes().delta().slope(s.minutes().is_rth())),
    ),
    (
        "acceleration",
        "",
        "half of M20 - M100 of tick momentum",
        Get::Number(|s| Some(s.features.momentum().acceleration())),
    ),
    (
        "micro_trend",
        "prints",
        "signed run of equal directions",
        Get::Count(|s| Some(s.features.momentum().run())),
    ),
    (
        "ofi_normalised",
        "",
        "order-flow imbalance over all flow of a minute, -1 to 1",
        Get::Number(|s| s.features.ofi().normalised()),
    ),
    (
        "volume_divergence",
        "",
        "price and aggressors disagree over five bars",
        Get::Flag(|s| Some(s.minutes().confirmation()?.divergence)),
    ),
    (
        "large_print",
        "contracts",
        "least size of a large print",
        Get::Count(|s| i64::try_from(s.features.smart_money().threshold()?).ok()),
    ),
    (
        "smart_net",
        "",
        "net of large prints, -1 to 1",
        Get::Number(|s| Some(s.features.smart_money().reading()?.net)),
    ),
    (
        "smart_intensity",
        "",
        "their share of volume",
        Get::Number(|s| Some(s.features.smart_money().reading()?.intensity)),
    ),
    (
        "smart_persistence",
        "",
        "share of windows that agree",
        Get::Number(|s| Some(s.features.smart_money().reading()?.persistence)),
    ),
    (
        "smart_lean",
        "",
        "accumulation or distribution",
        Get::Text(|s| {
            s.features.smart_money().reading().map_or("", |r| match r.lean {
                Lean::None => "NONE",
                Lean::Accumulation => "ACCUMULATION",
                Lean::Distribution => "DISTRIBUTION",
            })
        }),
    ),
    (
        "vwap_week",
        "points",
        "VWAP since the trading week began",
        Get::Number(|s| s.anchored(Anchor::Week, 0.0)),
    ),
    (
        "vwap_month",
        "points",
        "VWAP since the month's first session",
        Get::Number(|s| s.anchored(Anchor::Month, 0.0)),
    ),
    (
        "vwap_rolling",
        "points",
        "of the last 20 bars by typical price",
        Get::Number(|s| Some(s.scaled(s.minutes().vwaps().rolling()?))),
    ),
    (
        "vwap_slope_1m",
        "points/min",
        "slope of VWAP over 1 minute",
        Get::Number(|s| s.vwap_slope(0)),
    ),
    ("vwap_slope_5m", "points/min", "over 5 minutes", Get::Number(|s| s.vwap_slope(1))),
    ("vwap_slope_15m", "points/min", "over 15 minutes", Get::Number(|s| s.vwap_slope(2))),
    ("vwap_slope_60m", "points/min", "over 60 minutes", Get::Number(|s| s.vwap_slope(3))),
    (
        "vwap_zone",
        "",
        "band of the close",
        Get::Text(|s| {
            let vwaps = s.minutes().vwaps();
            let zone = vwaps.active(s.minutes().is_rth()).zone(s.frame().bar.close);
            match zone {
                None => "",
                Some(Zone::FarBelow) => "FAR_BELOW",
                Some(Zone::Below) => "BELOW",
                Some(Zone::JustBelow) => "JUST_BELOW",
                Some(Zone::JustAbove) => "JUST_ABOVE",
                Some(Zone::Above) => "ABOVE",
                Some(Zone::FarAbove) => "FAR_ABOVE",
            }
        }),
    ),
    (
        "vwap_rejection",
        "",
        "sign against an excursion beyond 2 deviations",
        Get::Count(|s| {
            Some(i64::from(s.minutes().vwaps().active(s.minutes().is_rth()).rejection()))
        }),
    ),
    (
        "vwap_breakout",
        "",
        "sign of a breakout beyond 1 deviation; needs a baseline",
        Get::Count(|s| s.minutes().vwaps().active(s.minutes().is_rth()).breakout().map(i64::from)),
    ),
    (
        "previous_poc",
        "points",
        "point of control of the session before",
        Get::Number(|s| s.level(s.frame().levels.previous.map(|a| a.poc))),
    ),
    (
        "previous_vah",
        "points",
        "upper edge of its value area",
        Get::Number(|s| s.level(s.frame().levels.previous.map(|a| a.vah))),
    ),
    (
        "previous_val",
        "points",
        "lower edge of its value area",
        Get::Number(|s| s.level(s.frame().levels.previous.map(|a| a.val))),
    ),
    (
        "naked_pocs",
        "",
        "untouched points of control of 20 sessions",
        Get::Count(|s| i64::try_from(s.minutes().profile().naked().count()).ok()),
    ),
    (
        "profile_shape",
        "",
        "where the point of control lies: P, b or D",
        Get::Text(|s| match s.minutes().profile().profile().shape() {
            None => "",
            Some(Shape::P) => "P",
            Some(Shape::B) => "b",
            Some(Shape::D) => "D",
        }),
    ),
    (
        "profile_zones",
        "",
        "accumulation and distribution zones",
        Get::Count(|s| i64::try_from(s.minutes().profile_imbalance()?.zones.iter().count()).ok()),
    ),
    (
        "profile_gaps",
        "",
        "gaps in the profile",
        Get::Count(|s| i64::try_from(s.minutes().profile_imbalance()?.gaps.iter().count()).ok()),
    ),
    (
        "institutional_levels",
        "",
        "rows with much volume of large prints",
        Get::Count(|s| i64::try_from(s.minutes().profile_imbalance()?.levels.iter().count()).ok()),
    ),
    (
        "session_high",
        "points",
        "since the active anchor",
        Get::Number(|s| s.level(s.frame().levels.session.map(|r| r.1))),
    ),
    (
        "session_low",
        "points",
        "since the active anchor",
        Get::Number(|s| s.level(s.frame().levels.session.map(|r| r.0))),
    ),
    (
        "overnight_high",
        "points",
        "from 18:00 New York to the cash session",
        Get::Number(|s| s.level(s.frame().levels.overnight.map(|r| r.1))),
    ),
    (
        "overnight_low",
        "points",
        "from 18:00 New York to the cash session",
        Get::Number(|s| s.level(s.frame().levels.overnight.map(|r| r.0))),
    ),
    (
        "swing_high",
        "points",
        "last confirmed",
        Get::Number(|s| s.level(s.frame().levels.swing_high)),
    ),
    ("swing_low", "points", "last confirmed", Get::Number(|s| s.level(s.frame().levels.swing_low))),
    (
        "atr20_5m",
        "points",
        "average true range of 20 five-minute bars",
        Get::Number(|s| s.timeframe_atr(1)),
    ),
    (
        "realised_volatility",
        "1/year",
        "of five-minute returns, annualised",
        Get::Number(|s| s.minutes().volatility().rv(s.minutes().is_rth())),
    ),
    (
        "er20",
        "",
        "efficiency ratio of 20 five-minute bars",
        Get::Number(|s| s.frame().regime.numbers().er20),
    ),
    (
        "adx14",
        "",
        "average directional index of five-minute bars",
        Get::Number(|s| s.frame().regime.numbers().adx14),
    ),
    (
        "market_regime",
        "",
        "TREND, RANGE, VOLATILE, or why there is none",
        Get::Text(|s| match s.decision.market_regime(s.frame().event.symbol) {
            Ok(reading) => reading.state.name(),
            Err(reason) => reason.name(),
        }),
    ),
    (
        "footprint_buy",
        "",
        "rows with a diagonal buy imbalance in the bar",
        Get::Count(|s| Some(i64::from(s.minutes().footprint().closed().buy.rows))),
    ),
    (
        "footprint_sell",
        "",
        "rows with a diagonal sell imbalance",
        Get::Count(|s| Some(i64::from(s.minutes().footprint().closed().sell.rows))),
    ),
    (
        "footprint_stacked_buy",
        "",
        "runs of three or more of them",
        Get::Count(|s| Some(i64::from(s.minutes().footprint().closed().buy.stacked))),
    ),
    (
        "footprint_stacked_sell",
        "",
        "runs of three or more of them",
        Get::Count(|s| Some(i64::from(s.minutes().footprint().closed().sell.stacked))),
    ),
    (
        "dom_support",
        "",
        "support less resistance of depth events, -1 to 1",
        Get::Number(|s| s.dom().support(s.frame().market_time).value()),
    ),
    (
        "bid_wall",
        "points",
        "nearest standing wall; needs a baseline",
        Get::Number(|s| s.level(s.dom().wall(Side::Bid).map(|w| w.px))),
    ),
    (
        "ask_wall",
        "points",
        "nearest standing wall; needs a baseline",
        Get::Number(|s| s.level(s.dom().wall(Side::Ask).map(|w| w.px))),
    ),
    ("bid_icebergs", "", "so far", Get::Count(|s| s.events(Kind::Iceberg, Side::Bid))),
    ("ask_icebergs", "", "so far", Get::Count(|s| s.events(Kind::Iceberg, Side::Ask))),
    (
        "bid_absorptions",
        "",
        "so far: selling that was absorbed",
        Get::Count(|s| s.events(Kind::Absorption, Side::Bid)),
    ),
    (
        "ask_absorptions",
        "",
        "so far: buying that was absorbed",
        Get::Count(|s| s.events(Kind::Absorption, Side::Ask)),
    ),
    ("bid_pulls", "", "so far; needs a baseline", Get::Count(|s| s.events(Kind::Pull, Side::Bid))),
    ("ask_pulls", "", "so far; needs a baseline", Get::Count(|s| s.events(Kind::Pull, Side::Ask))),
    (
        "pattern",
        "",
        "the newest pattern of bars or prints",
        Get::Text(|s| s.minutes().patterns().events().last().map_or("", |p| p.kind.name())),
    ),
    (
        "pattern_sign",
        "",
        "its side",
        Get::Count(|s| Some(i64::from(s.minutes().patterns().events().last()?.sign))),
    ),
    (
        "pattern_at",
        "UTC",
        "when it was complete",
        Get::Time(|s| Some(s.minutes().patterns().events().last()?.at)),
    ),
    (
        "patterns",
        "",
        "so far",
        Get::Count(|s| i64::try_from(s.minutes().patterns().event_count()).ok()),
    ),
    ("navale_power", "", "P of Battle Navale, -1 to 1", Get::Number(|s| Some(s.navale()?.power))),
    ("navale_trend", "", "T, -1 to 1", Get::Number(|s| Some(s.navale()?.trend))),
    ("navale_base", "", "B, -1 to 1", Get::Number(|s| Some(s.navale()?.base))),
    (
        "navale_side",
        "",
        "LONG, SHORT or NONE",
        Get::Text(|s| s.navale().map_or("", |r| r.verdict.name())),
    ),
    (
        "base_low",
        "points",
        "nearest base that holds",
        Get::Number(|s| s.level(s.base().map(|b| b.low))),
    ),
    (
        "base_high",
        "points",
        "nearest base that holds",
        Get::Number(|s| s.level(s.base().map(|b| b.high))),
    ),
    (
        "base_colour",
        "",
        "1 green, -1 red, 0 neutral",
        Get::Count(|s| Some(i64::from(s.base()?.colour))),
    ),
    ("base_quality", "", "0 to 1", Get::Number(|s| Some(s.base()?.quality))),
    (
        "bases",
        "",
        "bases confirmed so far",
        Get::Count(|s| i64::try_from(s.minutes().navale().found()).ok()),
    ),
    (
        "book_tradable",
        "",
        "neither crossed, locked nor one-sided",
        Get::Flag(|s| Some(s.frame().book == BookState::Normal)),
    ),
    (
        "volatility_size",
        "",
        "size multiplier by realised volatility against its usual, 0.4 where unknown",
        Get::Number(|s| {
            let rth = s.minutes().is_rth();
            let target = s.features.baseline().and_then(|r| r.baseline().target_rv(rth));
            Some(s.minutes().volatility().size_multiplier(rth, target))
        }),
    ),
    (
        "session_size",
        "",
        "size multiplier of the session at time",
        Get::Number(|s| {
            let context = s.features.segment().context(s.frame().market_time);
            Some(SessionScale::default().of(&context))
        }),
    ),
    (
        "microprice",
        "points",
        "price between best bid and ask at which both sizes balance, at time",
        Get::Number(|s| Some(s.scaled(imbalance::microprice(s.features.book())?))),
    ),
];
