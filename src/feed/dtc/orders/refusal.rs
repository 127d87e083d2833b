//! Classes of refused orders, by what the server writes.
//!
//! DTC gives a refusal no code, only a text of at most 95 characters, and a server hands on what it
//! was told: its own words, those of the routing service or those of the exchange. The table
//! therefore holds words of three public kinds of lists: the exchange's reject texts (CME Globex
//! iLink, tag 58 of an execution report, such as "Price must be greater than zero" 1012, "The user
//! is not authorized to trade" 1014, "Order price is outside bands" 2179, and the older "Price not
//! a step"), the reject codes of routing services (CQG 1002 to 1018, "The margin for this order,
//! if filled, plus the margin for all current fills and positions, exceeds available cash"; Rithmic
//! "Available margin exhausted"; FIX `OrdRejReason` and business rejects such as "Throttle Limit
//! Exceeded"), and words that platforms use on their own ("Trading is disabled", "Not connected").
//!
//! Words are found in any case where a word begins. A text may match several classes: the one that
//! stops most wins, so that nothing is tried again that anything speaks against. What matches
//! nothing is unknown and never tried again. A timeout is in no class: whether the order got
//! through, its text does not say.
//!
//! Cost: every word at every place of the text, some microseconds, for a refusal alone. Nothing is
//! allocated; a longer text is read to [`TEXT_MAX`].

use dtc::wire::{self, value};

use crate::order::{OrderId, RejectClass, Status, UpdateReason};

/// Bytes of a text that are read: all that its field holds.
const TEXT_MAX: usize = 96;

/// Not enough money.
const MARGIN: &[&str] = &[
    "margin",
    "insufficient",
    "not enough",
    "buying power",
    "exceeds available",
    "available funds",
    "no balance record",
    "credit control",
    "credit limit",
    "loss limit",
];

/// The account or the user may not do that.
const PERMISSION: &[&str] = &[
    "not authorized",
    "not authorised",
    "unauthorized",
    "not permissioned",
    "permission",
    "not entitled",
    "not enabled",
    "entitlement",
    "kill switch",
    "risk management",
    "only allowed to liquidate",
    "liquidate only",
    "liquidation only",
    "close only",
    "cancel only",
    "trading is disabled",
    "trading disabled",
    "trading is not allowed",
    "trading not allowed",
    "trading is locked",
    "disabled for trading",
    "account disabled",
    "account is disabled",
    "account locked",
    "account is locked",
    "not allowed to trade",
    "unknown account",
    "invalid account",
    "no such account",
    "account is not",
    "account not",
];

/// A wrong price or parameter, or a market that takes no orders now.
const PARAMETER: &[&str] = &[
    "price",
    "tick",
    "quantity",
    "qty",
    "order type",
    "order qualifier",
    "time in force",
    "duration",
    "expire date",
    "invalid",
    "incorrect",
    "not a step",
    "out of limits",
    "outside",
    "exceeds",
    "unknown symbol",
    "symbol",
    "contract",
    "instrument",
    "duplicate",
    "not supported",
    "unsupported",
    "may not be entered",
    "market is",
    "market closed",
    "exchange closed",
    "halted",
    "linked order",
];

/// The order never got to the market.
const TRANSIENT: &[&str] = &[
    "try again",
    "temporar",
    "throttle",
    "rate limit",
    "too many messages",
    "too many requests",
    "messages per second",
    "orders per second",
    "not connected",
    "no connection",
    "cannot route the order at this time",
    "currently unavailable",
    "service unavailable",
    "server is busy",
    "server busy",
    "system busy",
];

/// A refusal, for people: events carry its class alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which order.
    pub id: OrderId,
    /// What was refused: a new order, a cancel or a change.
    pub reason: UpdateReason,
    /// Class of the text.
    pub class: RejectClass,
    text: [u8; TEXT_MAX],
}

impl std::fmt::Display for Refused {
    /// On one line; what is no printable ASCII character is escaped.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.reason {
            UpdateReason::CancelRejected => "the cancel of ",
            UpdateReason::ReplaceRejected => "a change of ",
            _ => "",
        };
        let (id, class, text) = (self.id, self.class.name(), value::text(&self.text));
        write!(f, "{what}order {id} was refused ({class}): \"{}\"", text.escape_ascii())
    }
}

impl Refused {
    /// What an update refuses, if it does.
    pub(super) fn of(
        m: &wire::OrderUpdate,
        id: OrderId,
        status: Status,
        reason: UpdateReason,
    ) -> Option<Refused> {
        let request = matches!(
            reason,
            UpdateReason::NewRejected
                | UpdateReason::CancelRejected
                | UpdateReason::ReplaceRejected
        );
        let class = || class(value::text(&m.info_text));
        (request || status == Status::Rejected).then(|| Refused {
            id,
            reason,
            class: class(),
            text: m.info_text,
        })
    }
}

/// The class of a refusal's text.
fn class(text: &[u8]) -> RejectClass {
    let text = text.get(..TEXT_MAX).unwrap_or(text);
    let has = |words: &[&str]| words.iter().any(|word| begins(text, word.as_bytes()));
    let tables = [
        (PERMISSION, RejectClass::Permission),
        (MARGIN, RejectClass::Margin),
        (PARAMETER, RejectClass::Parameter),
        (TRANSIENT, RejectClass::Transient),
    ];
    tables
        .into_iter()
        .find(|(words, _)| has(words))
        .map_or(RejectClass::Unknown, |(_, class)| class)
}

/// Whether `word` stands somewhere in `text` where a word begins.
fn begins(text: &[u8], word: &[u8]) -> bool {
    let mut inside = false;
    text.windows(word.len()).zip(text).any(|(part, first)| {
        let found = !inside && part.eq_ignore_ascii_case(word);
        inside = first.is_ascii_alphanumeric();
        found
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_of_exchanges_and_services() {
        use RejectClass::{Margin, Parameter, Permission, Transient, Unknown};
        for (text, wanted) in [
            ("Rejected at RMS - Available margin exhausted", Margin),
            ("Working orders worst profit/loss scenario exceeds available margin.", Margin),
            ("Insufficient Buying Power", Margin),
            ("NOT ENOUGH MARGIN", Margin),
            ("The requested trade exceeds the account single trade margin limit.", Margin),
            ("Rejected due to Globex Credit Controls", Margin),
            ("The user is not authorized to trade 'FirmID: 'XXXX''", Permission),
            ("This account is not authorized to trade this commodity.", Permission),
            ("This account is only allowed to liquidate open positions.", Permission),
            ("Trading is disabled, try again tomorrow", Permission),
            ("Rejected due to Kill Switch", Permission),
            ("Account/Group is in Close/Cancel Only status", Permission),
            ("Price must be greater than zero", Parameter),
            ("Order price is outside bands 'Bid of 1 violates Low Band 2'", Parameter),
            ("(N2014) Price not a step", Parameter),
            ("(N2115) Limits: total qty", Parameter),
            ("Order type not permitted for group", Parameter),
            ("Orders may not be entered while the market is paused", Parameter),
            ("Order rejected because linked order was rejected.", Parameter),
            ("Throttle Limit Exceeded (volume controls)", Transient),
            ("Cannot route the order at this time.", Transient),
            ("Order server temporarily unavailable", Transient),
            ("Not connected to the trading server", Transient),
            ("Request Timed Out", Unknown),
            ("(GL 012) ORDER REJECTED", Unknown),
            ("Submarginal", Unknown),
            ("x", Unknown),
            ("", Unknown),
        ] {
            assert_eq!(class(text.as_bytes()), wanted, "{text}");
        }
    }

    /// Each word alone, in its own class and in any case; words are small letters.
    #[test]
    fn every_word_says_its_class() {
        let tables = [
            (PERMISSION, RejectClass::Permission),
            (MARGIN, RejectClass::Margin),
            (PARAMETER, RejectClass::Parameter),
            (TRANSIENT, RejectClass::Transient),
        ];
        for (words, wanted) in tables {
            for word in words {
                assert!(word.len() > 2 && *word == word.to_ascii_lowercase(), "{word}");
                assert_eq!(class(word.to_uppercase().as_bytes()), wanted, "{word}");
                assert_eq!(class(format!("a {word}").as_bytes()), wanted, "{word}");
                assert_ne!(class(format!("a{word}").as_bytes()), RejectClass::Transient, "{word}");
            }
        }
    }

    #[test]
    fn what_lies_behind_the_field_is_not_read() {
        let mut text = vec![b' '; TEXT_MAX];
        text.extend_from_slice(b"not connected");
        assert_eq!(class(&text), RejectClass::Unknown);
    }

    proptest! {
        /// Bytes of any kind have a class, and whatever stands beside a word that stops more, the
        /// order is not tried again.
        #[test]
        fn nothing_is_tried_again_that_a_word_speaks_against(
            before in prop::collection::vec(any::<u8>(), 0..20),
            after in prop::collection::vec(any::<u8>(), 0..200),
            word in prop::sample::select(
                [PERMISSION, MARGIN, PARAMETER].concat()),
        ) {
            let _ = class(&after);
            let text = [&before[..], b" ", word.as_bytes(), b" try again ", &after[..]].concat();
            prop_assert_ne!(class(&text), RejectClass::Transient);
            prop_assert_ne!(class(&text), RejectClass::Unknown);
        }
    }
}
