//! Text for people: notices, alerts and the journal.

use zerocopy::little_endian::{I32, I64};

use super::macros::message;

message! {
    /// 700 USER_MESSAGE: a notice for the user's eyes.
    pub struct UserMessage:
        700 "USER_MESSAGE", size 262, "2025-04, 2026-08"
    {
        /// The text.
        user_message: [u8; 256] @ 4 "UserMessage",
        /// 1: show it at once, 0: the log is enough.
        is_popup_message: u8 @ 260 "IsPopupMessage" = 1,
        _pad0: [u8; 1] @ 261,
    }
}

message! {
    /// 701 GENERAL_LOG_MESSAGE: a line for the log.
    pub struct GeneralLogMessage:
        701 "GENERAL_LOG_MESSAGE", size 132, "2025-04, 2026-08"
    {
        /// The text.
        message_text: [u8; 128] @ 4 "MessageText",
    }
}

message! {
    /// 702 ALERT_MESSAGE: an alert about an account.
    pub struct AlertMessage:
        702 "ALERT_MESSAGE", size 164, "2025-04, 2026-08"
    {
        /// The text.
        message_text: [u8; 128] @ 4 "MessageText",
        /// Account it is about; empty for none.
        trade_account: [u8; 32] @ 132 "TradeAccount",
    }
}

message! {
    /// 703 JOURNAL_ENTRY_ADD: adds an entry to the trading journal.
    pub struct JournalEntryAdd:
        703 "JOURNAL_ENTRY_ADD", size 272, "2025-04, 2026-08"
    {
        /// The text.
        journal_entry: [u8; 256] @ 4 "JournalEntry",
        _pad0: [u8; 4] @ 260,
        /// Time of the entry in Unix seconds.
        date_time: I64 @ 264 "DateTime",
    }
}

message! {
    /// 704 JOURNAL_ENTRIES_REQUEST: asks for journal entries.
    pub struct JournalEntriesRequest:
        704 "JOURNAL_ENTRIES_REQUEST", size 16, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// First time wanted in Unix seconds; 0 is from the start.
        start_date_time: I64 @ 8 "StartDateTime",
    }
}

message! {
    /// 705 JOURNAL_ENTRIES_REJECT: the request for journal entries failed.
    pub struct JournalEntriesReject:
        705 "JOURNAL_ENTRIES_REJECT", size 104, "2025-04, 2026-08"
    {
        /// Number the client chose for the request, given back in each answer.
        request_id: I32 @ 4 "RequestID",
        /// Reason, for people.
        reject_text: [u8; 96] @ 8 "RejectText",
    }
}

message! {
    /// 706 JOURNAL_ENTRY_RESPONSE: one journal entry.
    pub struct JournalEntryResponse:
        706 "JOURNAL_ENTRY_RESPONSE", size 280, "2025-04, 2026-08"
    {
        /// The text.
        journal_entry: [u8; 256] @ 4 "JournalEntry",
        _pad0: [u8; 4] @ 260,
        /// Time of the entry in Unix seconds.
        date_time: I64 @ 264 "DateTime",
        /// 1: the last message of the answer.
        is_final_response: u8 @ 272 "IsFinalResponse",
        _pad1: [u8; 7] @ 273,
    }
}
