//! Types of the options about leaks.

use super::Form;
use super::value::Value;
use super::word_set::word_set;

word_set! {
    /// Kinds of leaks.
    LeakKinds {
        /// no pointer to the object is left
        DEFINITE = "definite", 0;
        /// the only pointers to it are in objects that are lost
        INDIRECT = "indirect", 1;
        /// pointers lead into its midst only
        POSSIBLE = "possible", 2;
        /// it can be reached, and was never freed
        REACHABLE = "reachable", 3;
    }
}

impl LeakKinds {
    /// What Memcheck shows unasked.
    pub const USUAL: LeakKinds = LeakKinds::DEFINITE.and(LeakKinds::POSSIBLE);
}

word_set! {
    /// Pointers into the midst of objects that are as good as pointers to their start.
    Heuristics {
        /// to the characters of a std::string of the old kind, behind length, capacity and count
        STRING = "stdstring", 0;
        /// behind the length that new\[\] puts before elements with destructors
        NEW_ARRAY = "newarray", 1;
        /// to the part that a class has from a further base class
        INHERITANCE = "multipleinheritance", 2;
        /// behind a 64-bit length of the rest of the object
        LENGTH = "length64", 3;
    }
}

/// Bits of pointers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PointerBits(u64);

impl PointerBits {
    /// None of them.
    pub const NONE: PointerBits = PointerBits(0);

    /// As a number.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl Value for PointerBits {
    fn read(text: &str, _: &Form) -> Option<PointerBits> {
        let is_plain = |digits: &str| !digits.starts_with('+');
        let number = match text.strip_prefix("0x") {
            Some(digits) if is_plain(digits) => u64::from_str_radix(digits, 16).ok(),
            None if is_plain(text) => text.parse().ok(),
            _ => None,
        };
        number.map(PointerBits)
    }

    fn write(&self) -> String {
        match self.0 {
            0 => "0".to_string(),
            bits => format!("{bits:#x}"),
        }
    }
}

/// A signal that a process can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignalNumber(u8);

/// Names of signals that can be had (signal(7), x86_64); the others are for faults, for job control that can't be caught, or ours.
const SIGNALS: &[(&str, u8)] = &[
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("USR1", 10),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("CHLD", 17),
    ("CONT", 18),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("PWR", 30),
];

/// Those without names that programs may use.
const REAL_TIME: core::ops::RangeInclusive<u8> = 34..=64;

impl SignalNumber {
    /// As the kernel has it.
    pub fn get(self) -> i32 {
        i32::from(self.0)
    }
}

impl Value for SignalNumber {
    fn read(text: &str, _: &Form) -> Option<SignalNumber> {
        let name = text.strip_prefix("SIG").unwrap_or(text);
        if let Some((_, number)) = SIGNALS.iter().find(|(known, _)| *known == name) {
            return Some(SignalNumber(*number));
        }
        let number: u8 = Some(text).filter(|text| !text.starts_with('+'))?.parse().ok()?;
        let can_be_had =
            REAL_TIME.contains(&number) || SIGNALS.iter().any(|&(_, known)| known == number);
        can_be_had.then_some(SignalNumber(number))
    }

    fn write(&self) -> String {
        match SIGNALS.iter().find(|(_, number)| *number == self.0) {
            Some((name, _)) => (*name).to_string(),
            None => self.0.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_read_and_written() {
        let read = |text| LeakKinds::read(text, &Form::Words(LeakKinds::WORDS));
        assert_eq!(read("possible,definite"), Some(LeakKinds::USUAL));
        assert_eq!(LeakKinds::USUAL.write(), "definite,possible");
        assert_eq!(read("all").map(|set| set.write()), Some("all".to_string()));
        assert_eq!(read("none"), Some(LeakKinds::NONE));
        for wrong in ["", "definite,", "all,definite", "Definite"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert!(LeakKinds::USUAL.has(LeakKinds::POSSIBLE) && !LeakKinds::USUAL.has(LeakKinds::ALL));
    }

    #[test]
    fn bits_may_be_hexadecimal() {
        let read = |text| PointerBits::read(text, &Form::Bits).map(PointerBits::get);
        assert_eq!([read("7"), read("0xff00000000000000")], [Some(7), Some(0xff << 56)]);
        for wrong in ["", "0x", "ff", "+7", "0x+7", "-1"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(PointerBits(0xff << 56).write(), "0xff00000000000000");
    }

    #[test]
    fn signals_have_names_and_numbers() {
        let read = |text| SignalNumber::read(text, &Form::Signal).map(SignalNumber::get);
        assert_eq!(
            [read("USR2"), read("SIGUSR2"), read("12"), read("40")],
            [Some(12), Some(12), Some(12), Some(40)]
        );
        for wrong in ["", "SEGV", "11", "KILL", "9", "0", "65", "32", "usr2", "+12"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
