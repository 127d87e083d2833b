//! Why an opportunity was not taken.

use serde::{Deserialize, Serialize};

/// The gates, in the order in which they are asked; the first failure is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[repr(u8)]
pub enum Gate {
    /// Kill switch, trading of the symbol.
    Halt = 1,
    /// Label and time to the next halt.
    Session = 2,
    /// Tier-1 events.
    News = 3,
    /// Age and shape of the market data.
    Data = 4,
    /// Orders and positions since the last connect.
    Reconcile = 5,
    /// Share of the weight that is present.
    Coverage = 6,
    /// The side without option items.
    Side = 8,
    /// Score of the tier.
    Score = 9,
    /// Stop, target and their ratio.
    Rr = 11,
    /// Limits and throttles of the risk.
    Limit = 12,
    /// Contracts.
    SizeZero = 13,
    /// The market just before the order.
    Pretrade = 14,
}

impl Gate {
    /// All gates, in order.
    pub const ALL: [Gate; 12] = [
        Gate::Halt,
        Gate::Session,
        Gate::News,
        Gate::Data,
        Gate::Reconcile,
        Gate::Coverage,
        Gate::Side,
        Gate::Score,
        Gate::Rr,
        Gate::Limit,
        Gate::SizeZero,
        Gate::Pretrade,
    ];

    /// Name as it stands in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Gate::Halt => "HALT",
            Gate::Session => "SESSION",
            Gate::News => "NEWS",
            Gate::Data => "DATA",
            Gate::Reconcile => "RECONCILE",
            Gate::Coverage => "COVERAGE",
            Gate::Side => "SIDE",
            Gate::Score => "SCORE",
            Gate::Rr => "RR",
            Gate::Limit => "LIMIT",
            Gate::SizeZero => "SIZE_ZERO",
            Gate::Pretrade => "PRETRADE",
        }
    }
}

/// A refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Veto {
    /// Which gate.
    pub gate: Gate,
    /// What of it.
    pub detail: Detail,
}

impl Veto {
    /// A refusal of `gate`.
    #[must_use]
    pub const fn new(gate: Gate, detail: Detail) -> Veto {
        Veto { gate, detail }
    }

    /// Whether `gate` had been asked, and had let the intent pass, when this refusal came; `sized`
    /// where the risk had come to a size by then.
    ///
    /// Gates are asked in the order of [`Gate::ALL`] and the first that refuses ends it. One comes
    /// twice: when every gate has passed, the orders themselves ask limits that only they know, and
    /// refuse as LIMIT what is a duplicate, has no id left, or finds an order still at work.
    #[must_use]
    pub fn follows(self, gate: Gate, sized: bool) -> bool {
        let of_the_orders = match self.detail {
            Detail::Duplicate | Detail::NoIds => true,
            // The risk asks both before it finds a size.
            Detail::PositionOpen | Detail::Positions => sized,
            _ => false,
        };
        let last = self.gate == Gate::Limit && of_the_orders;
        gate != self.gate && (last || gate < self.gate)
    }
}

macro_rules! details {
    ($($name:ident = $code:literal, $text:literal, $doc:literal;)*) => {
        /// What of a gate refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Detail {
            $(#[doc = $doc] $name = $code,)*
        }

        impl Detail {
            /// All of them.
            pub const ALL: &[Detail] = &[$(Detail::$name),*];

            /// Name as it stands in records.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Detail::$name => $text,)* }
            }

            /// The detail of a code.
            #[must_use]
            pub const fn of(code: u8) -> Option<Detail> {
                match code { $($code => Some(Detail::$name),)* _ => None }
            }
        }
    };
}

// Codes stand in journals: they are never used again for something else.
details! {
    None = 0, "", "Nothing more to say.";
    KillSwitch = 1, "kill_switch", "The kill switch is not NORMAL.";
    SymbolDisabled = 2, "symbol_disabled", "Trading of the symbol is off.";
    Label = 10, "label", "The session label is none that is traded.";
    HaltNear = 11, "halt_near", "Less than the least time to the next halt or close.";
    Event = 20, "event", "A tier-1 event is near.";
    NoCalendar = 21, "no_calendar", "The event calendar is missing or out of date.";
    Age = 30, "age", "The last market event is too old.";
    Crossed = 31, "crossed", "The book is crossed.";
    Shallow = 32, "shallow", "Too few levels.";
    Gap = 33, "gap", "A sequence gap of less than a minute ago.";
    Venue = 40, "venue", "Orders and positions have not been reconciled.";
    UnknownOrder = 41, "unknown_order", "An order of the symbol is in an unknown state.";
    NoTarget = 50, "no_target", "No level cluster in the way.";
    NoStop = 51, "no_stop", "No distance for a stop.";
    RatioLow = 52, "ratio_low", "Reward to risk below the least.";
    SessionLoss = 60, "session_loss", "The session's loss limit.";
    DayLoss = 61, "day_loss", "The day's loss limit.";
    MonthDrawdown = 62, "month_drawdown", "The month's drawdown limit.";
    CoolDown = 63, "cool_down", "A pause after losses in a row.";
    TradesPerDay = 64, "trades_per_day", "The day's number of trades.";
    OpenRisk = 65, "open_risk", "Open risk over all index futures.";
    Positions = 66, "positions", "Open positions.";
    PositionOpen = 67, "position_open", "The symbol has a position or working entry.";
    TickExposure = 68, "tick_exposure", "Gross USD per tick.";
    Cadence = 69, "cadence", "An intent of the same side less than a minute ago.";
    Throttle = 70, "throttle", "Too many order messages, and it waited too long.";
    Duplicate = 71, "duplicate", "The same intent a few seconds ago.";
    NoIds = 72, "no_ids", "No reserved order id is left.";
    FlatBy = 73, "flat_by", "After the time to be flat.";
    NoEquity = 74, "no_equity", "Equity is not known.";
    NoContract = 75, "no_contract", "The product's money value is not known.";
    PositionCap = 76, "position_cap", "Contracts of the symbol.";
    BelowOne = 80, "below_one", "Less than one contract fits the risk.";
    Spread = 90, "spread", "The spread is too wide.";
    Thin = 91, "thin", "Too few contracts on the side that would be hit.";
    Slippage = 92, "slippage", "Walking the book costs too much.";
    Collar = 93, "collar", "The price has left the signal's.";
    StopSide = 94, "stop_side", "The stop is on the wrong side or too near.";
    Band = 95, "band", "Outside the exchange's price band.";
    WeakTier = 96, "weak_tier", "The tier is not traded in this mode.";
}
