//! Small closed lists of the Context, with their names in records, and [`Text`]: a short text
//! without heap.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! codes {
    ($(
        $(#[$meta:meta])*
        $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }
    )*) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
            pub enum $name {
                $($(#[$doc])* #[serde(rename = $text)] $variant,)*
            }

            impl $name {
                /// Name as it stands in records.
                #[must_use]
                pub const fn name(self) -> &'static str {
                    match self { $($name::$variant => $text,)* }
                }

                /// The one with this name.
                #[must_use]
                pub fn of(name: &str) -> Option<$name> {
                    match name { $($text => Some($name::$variant),)* _ => None }
                }
            }
        )*
    };
}

codes! {
    /// How old data is when it arrives.
    DelayClass {
        /// Not at all.
        Realtime = "realtime",
        /// Fifteen minutes.
        Delayed15 = "delayed-15",
        /// A day's end.
        Eod = "eod",
        /// A recording.
        Replay = "replay",
    }
    /// Which sign dealers' gamma has: an assumption, not an observation.
    SignModel {
        /// Calls +1, puts −1.
        LongCallsShortPuts = "long_calls_short_puts",
        /// Both −1.
        ShortAll = "short_all",
    }
    /// Which contracts a part speaks of.
    Scope {
        /// Everything alive.
        All = "all",
        /// Without what settles before Asia opens.
        Overnight = "overnight",
    }
    /// Whether a snapshot may be used.
    SanityStatus {
        /// It may.
        Go = "GO",
        /// It may, with warnings.
        Caution = "CAUTION",
        /// It may not; never published, and read as if it were not there.
        NoGo = "NO_GO",
    }
    /// Where the spot comes from.
    SpotSource {
        /// The index itself.
        Print = "print",
        /// Put-call parity.
        Implied = "implied",
        /// The future less its basis.
        Futures = "futures",
        /// The last print, outside its hours.
        StalePrint = "stale_print",
    }
    /// Where a basis comes from, best first.
    BasisSource {
        /// Future and index side by side.
        Live = "live",
        /// Forward of the same expiry.
        Parity = "parity",
        /// The last live one of the day.
        Frozen = "frozen",
    }
    /// What is known of the zero of gamma.
    FlipStatus {
        /// One root.
        Ok = "ok",
        /// Several; the nearest counts.
        Multiple = "multiple",
        /// Positive over the whole grid.
        NonePositive = "none_positive",
        /// Negative over the whole grid.
        NoneNegative = "none_negative",
        /// It could not be looked for.
        NotComputable = "not_computable",
    }
    /// How sharp it is.
    FlipQuality {
        /// Within a quarter of a percent.
        Clear = "clear",
        /// Within three quarters.
        Moderate = "moderate",
        /// Worse, or several near the spot.
        Ambiguous = "ambiguous",
        /// Near the end of the grid.
        Edge = "edge",
    }
    /// Sign of net gamma: damps or amplifies moves, says nothing of their direction.
    GammaRegime {
        /// Net gamma is not negative.
        Pos = "POS",
        /// It is.
        Neg = "NEG",
    }
    /// Dealers' gamma position.
    DealerPosition {
        /// Long.
        Long = "long",
        /// Short.
        Short = "short",
        /// Neither.
        Neutral = "neutral",
    }
    /// Side of the Dealer's Bias.
    BiasDirection {
        /// Up.
        Bullish = "BULLISH",
        /// Down.
        Bearish = "BEARISH",
        /// Neither.
        Neutral = "NEUTRAL",
    }
    /// Its strength.
    BiasStrength {
        /// From 0.45.
        Strong = "STRONG",
        /// From 0.15.
        Moderate = "MODERATE",
        /// Below.
        Weak = "WEAK",
    }
    /// Its weights and terms.
    BiasPreset {
        /// All terms.
        Default = "default",
        /// The plain ones.
        SeedStrict = "seed_strict",
    }
}

/// A text of at most `N` (≤ 255) bytes, cut at a character where it is longer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text<const N: usize> {
    bytes: [u8; N],
    len: u8,
}

impl<const N: usize> Text<N> {
    /// The beginning of `text`.
    #[must_use]
    pub fn new(text: &str) -> Text<N> {
        let end = (0..=text.len().min(N).min(255)).rev().find(|&n| text.is_char_boundary(n));
        let head = text.as_bytes().get(..end.unwrap_or(0)).unwrap_or_default();
        let mut bytes = [0; N];
        for (to, from) in bytes.iter_mut().zip(head) {
            *to = *from;
        }
        Text { bytes, len: u8::try_from(head.len()).unwrap_or(0) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl<const N: usize> Serialize for Text<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de, const N: usize> Deserialize<'de> for Text<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<N>, D::Error> {
        Ok(Text::new(&String::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(Text::<4>::new("ESH6").as_str(), "ESH6");
        assert_eq!(Text::<4>::new("ESH26").as_str(), "ESH2");
        assert_eq!(Text::<4>::new("abcé").as_str(), "abc");
        assert_eq!(Text::<4>::new("").as_str(), "");
    }

    #[test]
    fn names_come_back() {
        assert_eq!(DelayClass::of("delayed-15"), Some(DelayClass::Delayed15));
        assert_eq!(FlipStatus::NonePositive.name(), "none_positive");
        assert_eq!(SanityStatus::of("go"), None);
    }
}
