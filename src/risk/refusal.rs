//! Classes of refused orders, by what the venue writes.

/// What a refusal of an order means for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectClass {
    /// A disturbance: the order may be tried once more, with a new id.
    Transient,
    /// A wrong price or parameter, or an unknown reason: never again, and somebody should look.
    Parameter,
    /// Margin or permission: no entries any more.
    Permission,
}

/// Words of refusals for margin or permission; they count before the others.
const PERMISSION: [&str; 12] = [
    "margin",
    "permission",
    "not permitted",
    "not allowed",
    "not authorized",
    "not authorised",
    "not enabled",
    "insufficient",
    "buying power",
    "entitle",
    "trade account",
    "trading is disabled",
];

/// Words of disturbances.
const TRANSIENT: [&str; 8] = [
    "timed out",
    "timeout",
    "try again",
    "temporar",
    "too many",
    "not connected",
    "disconnected",
    "unavailable",
];

impl RejectClass {
    /// The class of a refusal's text, in any case; what no word says is a parameter: it is not
    /// tried again.
    #[must_use]
    pub fn of_text(text: &str) -> RejectClass {
        let has = |word: &&str| {
            text.as_bytes().windows(word.len()).any(|w| w.eq_ignore_ascii_case(word.as_bytes()))
        };
        if PERMISSION.iter().any(has) {
            RejectClass::Permission
        } else if TRANSIENT.iter().any(has) {
            RejectClass::Transient
        } else {
            RejectClass::Parameter
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        for (text, class) in [
            ("Insufficient MARGIN for this order", RejectClass::Permission),
            ("Trading is disabled, try again tomorrow", RejectClass::Permission),
            ("Order server temporarily unavailable", RejectClass::Transient),
            ("Request Timed Out", RejectClass::Transient),
            ("Price is not a multiple of the tick", RejectClass::Parameter),
            ("", RejectClass::Parameter),
            ("x", RejectClass::Parameter),
        ] {
            assert_eq!(RejectClass::of_text(text), class, "{text}");
        }
    }
}
