//! However a stream is split, its frames are the same.

use dtc::frame::{FrameError, fuzz_frame, next_frame};
use dtc::wire::messages;
use proptest::prelude::*;

/// Every message the crate knows, one after the other, then one of an unknown type.
fn stream() -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in messages() {
        bytes.extend_from_slice(message.default);
    }
    bytes.extend_from_slice(&[9, 0, 0xFF, 0xFF, 1, 2, 3, 4, 5]);
    bytes
}

/// Feeds the pieces one by one into a buffer, as a reader does.
fn frames<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<(u16, Vec<u8>)> {
    let (mut buffer, mut frames) = (Vec::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        let mut used = 0;
        while let Some(frame) = next_frame(&buffer[used..]).unwrap() {
            frames.push((frame.kind, frame.bytes.to_vec()));
            used += frame.len();
        }
        buffer.drain(..used);
    }
    assert!(buffer.is_empty(), "{} bytes were left", buffer.len());
    frames
}

#[test]
fn the_whole_stream_is_every_message() {
    let bytes = stream();
    let all = frames(std::iter::once(bytes.as_slice()));
    assert_eq!(all.len(), messages().len() + 1);
    for (message, (kind, bytes)) in messages().iter().zip(&all) {
        assert_eq!((message.message_type, message.default), (*kind, bytes.as_slice()));
    }
}

#[test]
fn split_at_every_byte() {
    let bytes = stream();
    let whole = frames(std::iter::once(bytes.as_slice()));
    for at in 0..=bytes.len() {
        let (a, b) = bytes.split_at(at);
        assert_eq!(frames([a, b].into_iter()), whole, "split at {at}");
    }
}

#[test]
fn pieces_of_every_size() {
    let bytes = stream();
    let whole = frames(std::iter::once(bytes.as_slice()));
    for size in 1..=512 {
        assert_eq!(frames(bytes.chunks(size)), whole, "pieces of {size}");
    }
}

#[test]
fn a_broken_size_stops_after_the_frames_before_it() {
    for size in 0..4u16 {
        let mut bytes = vec![4, 0, 3, 0];
        bytes.extend_from_slice(&size.to_le_bytes());
        let first = next_frame(&bytes).unwrap().unwrap();
        let error = next_frame(&bytes[first.len()..]).unwrap_err();
        assert_eq!(error, FrameError::SizeTooSmall { size });
    }
}

proptest! {
    #[test]
    fn any_bytes(data in prop::collection::vec(any::<u8>(), 0..600)) {
        fuzz_frame(&data);
    }

    #[test]
    fn any_pieces_of_good_frames(
        pieces in prop::collection::vec(any::<u8>(), 0..16),
        sizes in prop::collection::vec(4u16..90, 0..40),
    ) {
        let mut data = vec![pieces.len() as u8];
        data.extend_from_slice(&pieces);
        for size in sizes {
            data.extend_from_slice(&size.to_le_bytes());
            data.resize(data.len() + usize::from(size) - 2, 7);
        }
        fuzz_frame(&data);
    }
}
