//! [`RejectClass`]: what the refusal of an order means for the next one.

/// Class of a refusal, by the venue's text. Only [`RejectClass::Transient`] may be tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RejectClass {
    /// The text says nothing that is known, or there is none.
    #[default]
    Unknown = 0,
    /// A disturbance: the order never got to the market and may be tried once more.
    Transient = 1,
    /// A wrong price or parameter, or a market that takes no orders now.
    Parameter = 2,
    /// Not enough money.
    Margin = 3,
    /// The account or the user may not do that.
    Permission = 4,
}

impl RejectClass {
    /// All of them.
    pub const ALL: [RejectClass; 5] = [
        RejectClass::Unknown,
        RejectClass::Transient,
        RejectClass::Parameter,
        RejectClass::Margin,
        RejectClass::Permission,
    ];

    /// Name as it stands in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            RejectClass::Unknown => "unknown",
            RejectClass::Transient => "transient",
            RejectClass::Parameter => "parameter",
            RejectClass::Margin => "margin",
            RejectClass::Permission => "permission",
        }
    }
}
