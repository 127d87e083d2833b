//! The `message!` macro: one data sheet gives the struct, its layout proofs, defaults and fields.

/// Declares a message from its data sheet.
///
/// The line under the name gives the message number, the protocol header's constant, the length in
/// bytes and the header generations the layout is taken from. A row is
/// `name: Type @ offset "HeaderName" = default`. Without a default the field starts at zero; a row
/// without a header name is padding; a union has several names, parted by `|`. The length and
/// every offset are checked against the numbers given while compiling.
macro_rules! message {
    (
        $(#[$meta:meta])*
        pub struct $Name:ident:
            $number:literal $constant:literal, size $size:literal, $headers:literal
        {
            $(
                $(#[$row:meta])*
                $field:ident: $ty:tt @ $offset:literal $($name:literal)|* $(= $default:expr)?
            ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(
            zerocopy::FromBytes,
            zerocopy::IntoBytes,
            zerocopy::KnownLayout,
            zerocopy::Immutable,
            zerocopy::Unaligned,
            Clone,
            Copy,
            Debug,
        )]
        pub struct $Name {
            /// Length of the whole message in bytes, these two included.
            pub size: zerocopy::little_endian::U16,
            #[doc = concat!("Message number, ", stringify!($number), ".")]
            pub kind: zerocopy::little_endian::U16,
            $(
                $(#[$row])*
                #[doc = ""]
                #[doc = concat!("Offset ", stringify!($offset), ".")]
                pub $field: $ty,
            )*
        }

        // Checked against the header generations named in the data sheet.
        const _: () = {
            assert!(core::mem::size_of::<$Name>() == $size);
            assert!(core::mem::align_of::<$Name>() == 1);
            $(assert!(core::mem::offset_of!($Name, $field) == $offset);)*
        };

        impl $crate::wire::Message for $Name {
            const TYPE: u16 = $number;
            const NAME: &'static str = $constant;
            const SIZE: usize = $size;
            const DEFAULT: Self = Self {
                size: zerocopy::little_endian::U16::new($size),
                kind: zerocopy::little_endian::U16::new($number),
                $($field: $crate::wire::macros::initial!($ty $(, $default)?),)*
            };
            const FIELDS: &'static [$crate::wire::Field] = Self::DESCRIPTION.fields;
            const DESCRIPTION: &'static $crate::wire::Description = {
                const BYTES: [u8; $size] =
                    zerocopy::transmute!(<$Name as $crate::wire::Message>::DEFAULT);
                &$crate::wire::Description {
                    name: $constant,
                    message_type: $number,
                    size: $size,
                    generation: $headers,
                    fields: &[$($($crate::wire::Field::new(
                        $name,
                        $offset,
                        core::mem::size_of::<$ty>(),
                        <$ty as $crate::wire::WireValue>::KIND,
                        &BYTES,
                    ),)*)*],
                    default: &BYTES,
                }
            };
        }
    };
}

/// The first value of a field: zero unless the data sheet gives one.
macro_rules! initial {
    ($ty:tt) => {
        <$ty as $crate::wire::WireValue>::ZERO
    };
    ($ty:tt, $default:expr) => {
        $default
    };
}

pub(crate) use initial;
pub(crate) use message;
