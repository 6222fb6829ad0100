//! Keys that are too long: YAML looks for the colon of a key no further than 1,024 characters, and its reader says of a longer one
//! only that something is wrong.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Characters of a key, without its quotes.
pub(super) const LONGEST: usize = 1_022;

/// Any JSON none of whose keys is too long.
pub(super) struct ShortKeys;

impl<'de> Deserialize<'de> for ShortKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for ShortKeys {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Self, A::Error> {
        while let Some(key) = pairs.next_key::<String>()? {
            if key.chars().count() > LONGEST {
                let message = format!("a key has at most {LONGEST} characters");
                return Err(A::Error::custom(message));
            }
            pairs.next_value::<Self>()?;
        }
        Ok(self)
    }
}
