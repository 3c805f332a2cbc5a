//! Canonical text into typed values, for serde.
//!
//! A general JSON reader has to expect white space, fractions and `null` between any two bytes, and takes a list of
//! values for an object with those fields. In a line that was checked there is none of it, so it is read faster here,
//! and an object is an object. Never asked about a line that was not checked before; what is not there is an error all
//! the same.

use std::borrow::Cow;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error as _, Expected, IntoDeserializer as _,
    MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::scan::{DIGITS, plain};

/// What does not fit. Of this kind, because whoever reads and writes these values has it already.
pub type Error = serde_json::Error;

/// Reads a part of a line that was found canonical.
///
/// # Errors
/// It is no `T`.
pub fn read<'a, T: Deserialize<'a>>(raw: &'a str) -> Result<T, Error> {
    let mut text = Text::new(raw);
    let value = T::deserialize(&mut text)?;
    text.end()?;
    Ok(value)
}

/// The most bytes for which room is made before it is known whether a text with an escape has them.
const ROOM: usize = 512;

/// Text that is read from front to back.
pub struct Text<'de> {
    text: &'de str,
    at: usize,
}

impl<'de> Text<'de> {
    /// All of it.
    pub fn new(raw: &'de str) -> Self {
        Text { text: raw, at: 0 }
    }

    /// # Errors
    /// Something was not read.
    pub fn end(self) -> Result<(), Error> {
        if self.at == self.text.len() { Ok(()) } else { Err(Error::custom("more than one value")) }
    }

    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline(always)]
    fn take(&mut self, byte: u8) -> Result<(), Error> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        Err(ended())
    }

    /// What is not read yet. Every place is next to an ASCII byte.
    #[inline(always)]
    fn rest(&self) -> &'de [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// The text up to the next quote or backslash.
    #[inline(always)]
    fn plain(&mut self) -> &'de str {
        let start = self.at;
        self.at += plain(self.rest());
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn string(&mut self) -> Result<Cow<'de, str>, Error> {
        self.take(b'"')?;
        let plain = self.plain();
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(plain));
        }
        self.escaped(plain).map(Cow::Owned)
    }

    /// The rest of a string from its first escape.
    fn escaped(&mut self, plain: &str) -> Result<String, Error> {
        // A text is mostly the longest and the last of what it stands in.
        let mut text = String::with_capacity(plain.len() + self.rest().len().min(ROOM));
        text.push_str(plain);
        loop {
            let (c, bytes) = match *self.rest() {
                [b'"', ..] => {
                    self.at += 1;
                    return Ok(text);
                }
                [b'\\', b'u', _, _, high, low, ..] => (control(high, low), 6),
                [b'\\', short, ..] => (unescaped(short), 2),
                _ => (None, 0),
            };
            text.push(c.ok_or_else(ended)?);
            self.at += bytes;
            text.push_str(self.plain());
        }
    }

    /// Whether an integer is below zero, and its digits. `None`: there is none.
    fn digits(&mut self) -> Option<(bool, u64)> {
        let below = self.peek() == Some(b'-');
        self.at += usize::from(below);
        let start = self.at;
        let mut value = 0u64;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        matches!(self.at - start, 1..=DIGITS).then_some((below, value))
    }

    fn integer<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        match self.digits() {
            Some((true, value)) => visitor.visit_i64(-(value as i64)),
            Some((false, value)) => visitor.visit_u64(value),
            None => Err(self.other(&visitor)),
        }
    }

    /// Something else stands here than what is wanted.
    #[cold]
    fn other(&self, wanted: &dyn Expected) -> Error {
        let found = match self.peek() {
            Some(b'"') => "a text",
            Some(b'{') => "an object",
            Some(b'[') => "a list",
            Some(b't' | b'f') => "true or false",
            Some(b'-' | b'0'..=b'9') => "a number",
            _ => "nothing",
        };
        Error::invalid_type(Unexpected::Other(found), wanted)
    }

    fn word(&mut self, word: &str) -> Result<(), Error> {
        word.bytes().try_for_each(|byte| self.take(byte))
    }

    fn object<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        self.take(b'{')?;
        let mut members = Items { text: self, close: b'}', first: true, over: false };
        let value = visitor.visit_map(&mut members)?;
        members.end().map(|()| value)
    }

    fn list<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        self.take(b'[')?;
        let mut items = Items { text: self, close: b']', first: true, over: false };
        let value = visitor.visit_seq(&mut items)?;
        items.end().map(|()| value)
    }
}

#[cold]
fn ended() -> Error {
    Error::custom("not a canonical value")
}

/// What `\u00` and these two digits stand for: a character below 0x20.
fn control(high: u8, low: u8) -> Option<char> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    char::from_u32(digit(high)? * 16 + digit(low)?)
}

/// What a backslash and this stand for.
fn unescaped(short: u8) -> Option<char> {
    Some(match short {
        b'"' | b'\\' => char::from(short),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        _ => return None,
    })
}

impl<'de> Deserializer<'de> for &mut Text<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.peek() {
            Some(b'"') => self.deserialize_str(visitor),
            Some(b'{') => self.object(visitor),
            Some(b'[') => self.list(visitor),
            Some(b't' | b'f') => self.deserialize_bool(visitor),
            _ => self.integer(visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.peek() != Some(b'"') {
            return Err(self.other(&visitor));
        }
        match self.string()? {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let value = self.peek() == Some(b't');
        self.word(if value { "true" } else { "false" })?;
        visitor.visit_bool(value)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.integer(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.integer(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.peek() == Some(b'[') { self.list(visitor) } else { Err(self.other(&visitor)) }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.peek() == Some(b'{') { self.object(visitor) } else { Err(self.other(&visitor)) }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    /// There is no `null`: what stands here is there.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    /// A name alone, or an object whose one key is the name.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.peek() == Some(b'{') {
            self.at += 1;
            let value = visitor.visit_enum(&mut *self)?;
            return self.take(b'}').map(|()| value);
        }
        match self.string()? {
            Cow::Borrowed(name) => visitor.visit_enum(BorrowedStrDeserializer::new(name)),
            Cow::Owned(name) => visitor.visit_enum(name.into_deserializer()),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct ignored_any
    }
}

/// The members of an object, or the items of a list.
struct Items<'a, 'de> {
    text: &'a mut Text<'de>,
    close: u8,
    first: bool,
    over: bool,
}

impl Items<'_, '_> {
    /// Whether there is another one.
    fn more(&mut self) -> Result<bool, Error> {
        if self.text.peek() == Some(self.close) {
            self.text.at += 1;
            self.over = true;
        } else if !std::mem::take(&mut self.first) {
            self.text.take(b',')?;
        }
        Ok(!self.over)
    }

    /// Whoever knows how many there are does not ask for one more.
    fn end(&mut self) -> Result<(), Error> {
        if self.over || !self.more()? { Ok(()) } else { Err(Error::custom("more values than expected")) }
    }
}

impl<'de> MapAccess<'de> for &mut Items<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        if self.more()? { seed.deserialize(&mut *self.text).map(Some) } else { Ok(None) }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        self.text.take(b':')?;
        seed.deserialize(&mut *self.text)
    }
}

impl<'de> SeqAccess<'de> for &mut Items<'_, 'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        if self.more()? { seed.deserialize(&mut *self.text).map(Some) } else { Ok(None) }
    }
}

/// Behind the opening brace of an object whose key names a variant.
impl<'de> EnumAccess<'de> for &mut Text<'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Error> {
        let name = seed.deserialize(&mut *self)?;
        self.take(b':')?;
        Ok((name, self))
    }
}

impl<'de> VariantAccess<'de> for &mut Text<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Err(Error::invalid_type(Unexpected::NewtypeVariant, &"a name alone"))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Error> {
        self.list(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_struct("", fields, visitor)
    }
}
