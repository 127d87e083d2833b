//! Rings whose memory is there before the first element is.
//!
//! A page of fresh memory costs its first writer a fault, a microsecond or more, and a ring reaches
//! fresh pages until it has gone round once: for a large one that is the whole session, on the hot
//! thread. Here the thread that starts a run pays.

use std::mem::MaybeUninit;

use rtrb::{Consumer, Producer, RingBuffer};

/// Least size of a page; larger ones are touched more than once.
const PAGE: usize = 4096;

/// An empty ring of `capacity` elements, all of its pages touched.
#[must_use]
pub(super) fn ring<T>(capacity: usize) -> (Producer<T>, Consumer<T>) {
    let (mut producer, consumer) = RingBuffer::new(capacity);
    if let Ok(mut chunk) = producer.write_chunk_uninit(capacity) {
        let (first, second) = chunk.as_mut_slices();
        let step = (PAGE / size_of::<T>().max(1)).max(1);
        for slot in first.iter_mut().chain(second).step_by(step) {
            *slot = MaybeUninit::zeroed();
        }
        // The chunk is dropped uncommitted: nothing is in the ring.
    }
    (producer, consumer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_empty_and_takes_all() {
        let (mut producer, mut consumer) = ring::<[u64; 100]>(7);
        assert!(consumer.pop().is_err());
        for n in 0..7 {
            producer.push([n; 100]).expect("room");
        }
        assert!(producer.is_full());
        for n in 0..7 {
            assert_eq!(consumer.pop(), Ok([n; 100]));
        }
        assert!(ring::<u8>(0).0.is_full());
    }
}
