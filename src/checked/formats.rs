//! Formats of the printf and scanf families: which arguments are strings to read, or places to write to.
//!
//! A walk stops where an argument's type is uncertain: at a conversion that it does not know (a program may have
//! registered its own), and at positional arguments (`%1$s`).

use super::operand::{self, Site};
use super::text::{Extent, Unit};
use core::ffi::{c_char, c_int};

/// The arguments of a variadic function, as the System V ABI (3.5.7) lays out a `va_list`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Arguments {
    integers: u32,
    vectors: u32,
    on_stack: usize,
    saved: usize,
}

/// The sizes of the saved integer registers, and of all saved registers, in bytes.
const INTEGER_BYTES: u32 = 48;
const SAVED_BYTES: u32 = 176;

impl Arguments {
    /// Returns the arguments behind the first `named` ones of a call whose registers are saved at `saved`. The named
    /// ones must all be integers or pointers.
    pub fn new(saved: *const super::entry::Saved, named: u32) -> Arguments {
        // SAFETY: `saved` comes from an entry; only an address in it is taken.
        let on_stack = unsafe { &raw const (*saved).on_stack };
        Arguments {
            integers: named * 8,
            vectors: INTEGER_BYTES,
            on_stack: on_stack as usize,
            saved: saved as usize,
        }
    }

    /// Takes the next integer or pointer.
    ///
    /// # Safety
    /// There must be another argument, of one of these types.
    unsafe fn integer(&mut self) -> usize {
        let at = if self.integers < INTEGER_BYTES {
            self.integers += 8;
            self.saved + self.integers as usize - 8
        } else {
            self.on_stack += 8;
            self.on_stack - 8
        };
        // SAFETY: the caller promises another integer argument, and `at` is its place in the `va_list`.
        unsafe { *(at as *const usize) }
    }

    fn skip_double(&mut self) {
        if self.vectors < SAVED_BYTES {
            self.vectors += 16;
        } else {
            self.on_stack += 8;
        }
    }

    fn skip_long_double(&mut self) {
        self.on_stack = self.on_stack.next_multiple_of(16) + 16;
    }
}

/// The bytes of the integer that a length modifier names for `%d` or `%n`; `None` for `L` and the like.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Length {
    bytes: usize,
    is_long: bool,
    is_long_double: bool,
}

/// A format string, read byte by byte.
struct Format {
    at: *const u8,
}

impl Format {
    /// Returns the current byte: NUL at the end, which is never passed.
    fn peek(&self) -> u8 {
        // SAFETY: a format is a string, and `at` never goes beyond its terminator.
        unsafe { *self.at }
    }

    fn next(&mut self) -> u8 {
        let byte = self.peek();
        if byte != 0 {
            // SAFETY: the current byte is not the terminator, so there is another.
            self.at = unsafe { self.at.add(1) };
        }
        byte
    }

    /// Goes behind the next `%`. Returns false if there is none.
    fn find_conversion(&mut self) -> bool {
        // SAFETY: a format is a terminated string.
        let found = unsafe { libc::strchr(self.at.cast(), c_int::from(b'%')) };
        if found.is_null() {
            return false;
        }
        // SAFETY: `found` is a `%` and not the terminator, so there is another byte.
        self.at = unsafe { found.cast::<u8>().add(1) };
        true
    }

    fn take(&mut self, set: &[u8]) -> bool {
        let is_in = set.contains(&self.peek()) && self.peek() != 0;
        if is_in {
            self.next();
        }
        is_in
    }

    fn number(&mut self) -> Option<usize> {
        let mut number = None;
        while self.peek().is_ascii_digit() {
            let digit = usize::from(self.next() - b'0');
            number = Some(number.unwrap_or(0_usize).saturating_mul(10).saturating_add(digit));
        }
        number
    }

    fn length(&mut self) -> Length {
        let of = |bytes, is_long| Length { bytes, is_long, is_long_double: false };
        match self.peek() {
            b'h' => {
                self.next();
                if self.take(b"h") { of(1, false) } else { of(2, false) }
            }
            b'l' => {
                self.next();
                if self.take(b"l") {
                    Length { bytes: 8, is_long: false, is_long_double: true }
                } else {
                    of(8, true)
                }
            }
            b'j' | b'z' | b'Z' | b't' => {
                self.next();
                of(8, false)
            }
            b'q' | b'L' => {
                self.next();
                Length { bytes: 8, is_long: false, is_long_double: true }
            }
            _ => of(4, false),
        }
    }
}

unsafe fn reads_text<U: Unit>(site: &Site, start: usize, precision: Option<usize>) {
    if operand::is_checked(start) {
        // SAFETY: the caller promises that these are the format's arguments, so a string is there.
        let extent = unsafe { Extent::<U>::of(start, precision.unwrap_or(usize::MAX)) };
        if !extent.fits {
            site.reads("%s", start, extent.bytes());
        }
    }
}

/// Checks what a function of the printf family reads and writes through its arguments.
///
/// # Safety
/// `format` must be null, or a format with these arguments.
pub unsafe fn check_printf(site: &Site, format: *const c_char, mut arguments: Arguments) {
    if format.is_null() {
        return;
    }
    // SAFETY: the caller promises that `format` has these arguments. This holds for all blocks below.
    site.reads("format", format as usize, unsafe { extent_of(format) });
    let mut format = Format { at: format.cast() };
    while format.find_conversion() {
        while format.take(b"-+ #0'I") {}
        if format.take(b"*") {
            if format.number().is_some() {
                return;
            }
            // SAFETY: the format has an argument here, as the caller promises.
            unsafe { arguments.integer() };
        } else if format.number().is_some() && format.peek() == b'$' {
            return;
        }
        let mut precision = None;
        if format.take(b".") {
            if format.take(b"*") {
                if format.number().is_some() {
                    return;
                }
                // SAFETY: the format has an argument here, as the caller promises. A negative precision counts as none.
                precision = usize::try_from(unsafe { arguments.integer() } as c_int).ok();
            } else {
                precision = Some(format.number().unwrap_or(0));
            }
        }
        let length = format.length();
        match format.next() {
            b'%' | b'm' => {}
            b'd' | b'i' | b'o' | b'u' | b'x' | b'X' | b'b' | b'B' | b'c' | b'C' | b'p' => {
                // SAFETY: the format has an argument here, as the caller promises.
                unsafe { arguments.integer() };
            }
            b'e' | b'E' | b'f' | b'F' | b'g' | b'G' | b'a' | b'A' => {
                if length.is_long_double {
                    arguments.skip_long_double();
                } else {
                    arguments.skip_double();
                }
            }
            // SAFETY: the format has a string argument here, as the caller promises.
            b's' if !length.is_long => unsafe {
                let start = arguments.integer();
                reads_text::<u8>(site, start, precision);
            },
            // SAFETY: the format has a wide string argument here, as the caller promises.
            b's' | b'S' => unsafe {
                let start = arguments.integer();
                // The precision counts bytes, and the locale decides how many characters these make.
                if precision.is_none() {
                    reads_text::<u32>(site, start, None);
                }
            },
            // SAFETY: the format has a pointer argument here, as the caller promises.
            b'n' => unsafe {
                let start = arguments.integer();
                site.writes("%n", start, length.bytes);
            },
            _ => return,
        }
    }
}

/// Returns the bytes of a format, or 0 if they need no check.
unsafe fn extent_of(format: *const c_char) -> usize {
    if operand::is_checked(format as usize) {
        // SAFETY: the caller promises that `format` is a string.
        unsafe { Extent::<u8>::of(format as usize, usize::MAX) }.bytes()
    } else {
        0
    }
}

/// Checks what a function of the scanf family has written through its arguments: those of the first `assigned`
/// conversions. `c99` says whether `%a` is a conversion, and not a flag that allocates.
///
/// # Safety
/// `format` must be a format with these arguments, and the function must have filled the first `assigned` of them.
pub unsafe fn check_scanf(
    site: &Site,
    format: *const c_char,
    mut arguments: Arguments,
    assigned: c_int,
    c99: bool,
) {
    let mut format = Format { at: format.cast() };
    let mut left = assigned;
    while left > 0 && format.find_conversion() {
        let is_assigned = !format.take(b"*");
        while format.take(b"'I") {}
        format.number();
        if format.peek() == b'$' {
            return;
        }
        let mut is_allocated = format.take(b"m");
        let length = format.length();
        if !c99 && format.peek() == b'a' {
            // SAFETY: the current byte is an `a`, so the next is at most the terminator.
            let flag = b"sS[".contains(unsafe { &*format.at.add(1) });
            is_allocated |= flag && format.take(b"a");
        }
        let conversion = format.next();
        if conversion == b'%' || conversion == 0 {
            continue;
        }
        if conversion == b'[' {
            // A bracket that comes first belongs to the set.
            format.take(b"^");
            format.take(b"]");
            while format.peek() != 0 && format.next() != b']' {}
        }
        if !is_assigned {
            continue;
        }
        // SAFETY: the format has a pointer argument here, as the caller promises.
        let target = unsafe { arguments.integer() };
        let written = match conversion {
            _ if is_allocated => size_of::<usize>(),
            b'p' => size_of::<usize>(),
            b'd' | b'i' | b'o' | b'u' | b'x' | b'X' | b'b' | b'n' => length.bytes,
            b'e' | b'E' | b'f' | b'F' | b'g' | b'G' | b'a' | b'A' if length.is_long_double => 16,
            b'e' | b'E' | b'f' | b'F' | b'g' | b'G' | b'a' | b'A' if length.is_long => 8,
            b'e' | b'E' | b'f' | b'F' | b'g' | b'G' | b'a' | b'A' => 4,
            // glibc counts a `%c` even if the end of input has cut it short.
            b'c' if !length.is_long => 1,
            b'c' | b'C' => u32::BYTES,
            b's' | b'[' if !length.is_long && !operand::is_checked(target) => 0,
            b's' | b'[' if !length.is_long => {
                // SAFETY: the function has written a string there, as `assigned` says.
                unsafe { Extent::<u8>::of(target, usize::MAX) }.bytes()
            }
            b's' | b'S' | b'[' if !operand::is_checked(target) => 0,
            // SAFETY: the function has written a wide string there, as `assigned` says.
            b's' | b'S' | b'[' => unsafe { Extent::<u32>::of(target, usize::MAX) }.bytes(),
            _ => return,
        };
        site.writes(if conversion == b'n' { "%n" } else { "argument" }, target, written);
        if conversion != b'n' {
            left -= 1;
        }
    }
}
