//! The types of option values: how each is read and written.

use super::Form;

/// A type that fields of [`Options`] may have.
pub(super) trait Value: Sized {
    /// Reads a value; `None` when it does not fit the form.
    fn read(text: &str, form: &Form) -> Option<Self>;
    /// The text from which `read` makes the same value.
    fn write(&self) -> String;
}

impl Value for u64 {
    fn read(text: &str, form: &Form) -> Option<u64> {
        // `str::parse` would take a leading '+'.
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number = text.parse().ok()?;
        match form {
            Form::Number { min, max } if (*min..=*max).contains(&number) => Some(number),
            _ => None,
        }
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl Value for usize {
    fn read(text: &str, form: &Form) -> Option<usize> {
        u64::read(text, form)?.try_into().ok()
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl Value for u8 {
    fn read(text: &str, form: &Form) -> Option<u8> {
        u64::read(text, form)?.try_into().ok()
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl Value for bool {
    fn read(text: &str, _: &Form) -> Option<bool> {
        match text {
            "yes" | "true" | "on" | "1" => Some(true),
            "no" | "false" | "off" | "0" => Some(false),
            _ => None,
        }
    }

    fn write(&self) -> String {
        if *self { "yes" } else { "no" }.to_string()
    }
}

impl Value for String {
    fn read(text: &str, _: &Form) -> Option<String> {
        Some(text.to_string())
    }

    fn write(&self) -> String {
        self.clone()
    }
}

/// When the pages of a freed object are made to fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// Before free returns.
    Immediate,
    /// Together with other objects that the thread frees, so many at a time.
    Batch(u16),
}

impl Revocation {
    /// The number for `batch` without one: it saves nearly as much as larger batches.
    const USUAL_BATCH: u16 = 64;
}

impl Value for Revocation {
    fn read(text: &str, form: &Form) -> Option<Revocation> {
        let Form::Revocation { min, max } = form else { return None };
        match text.strip_prefix("batch") {
            None if text == "immediate" => Some(Revocation::Immediate),
            Some("") => Some(Revocation::Batch(Self::USUAL_BATCH)),
            Some(rest) => {
                let range = Form::Number { min: u64::from(*min), max: u64::from(*max) };
                let number = u64::read(rest.strip_prefix(':')?, &range)?;
                Some(Revocation::Batch(number as u16))
            }
            None => None,
        }
    }

    fn write(&self) -> String {
        match self {
            Revocation::Immediate => "immediate".to_string(),
            Revocation::Batch(count) => format!("batch:{count}"),
        }
    }
}

/// A share, in hundredths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent(pub u32);

impl Value for Percent {
    fn read(text: &str, form: &Form) -> Option<Percent> {
        let Form::Percent { min, max } = form else { return None };
        let range = Form::Number { min: u64::from(*min), max: u64::from(*max) };
        u64::read(text.strip_suffix('%')?, &range).map(|number| Percent(number as u32))
    }

    fn write(&self) -> String {
        format!("{}%", self.0)
    }
}

/// An option that may be unset, which is written as an empty value.
impl<T: Value> Value for Option<T> {
    fn read(text: &str, form: &Form) -> Option<Option<T>> {
        if text.is_empty() { Some(None) } else { T::read(text, form).map(Some) }
    }

    fn write(&self) -> String {
        self.as_ref().map(Value::write).unwrap_or_default()
    }
}
