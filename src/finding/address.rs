//! Addresses, and how JSON has them.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An address, or an offset in a module. In JSON it is hexadecimal: `"0x7f12"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub u64);

impl core::fmt::Display for Address {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(out, "{:#x}", self.0)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Address;

            fn expecting(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                out.write_str("a hexadecimal number in a string, as \"0x7f12\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Address, E> {
                let digits = text.strip_prefix("0x").ok_or_else(|| E::custom("no 0x"))?;
                u64::from_str_radix(digits, 16).map(Address).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}
