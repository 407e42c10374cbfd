//! Environment variables of a running program, which may be changing them at the same time.

use super::passed::{copy_string, load, load_byte};
use super::process;

const POINTER_BYTES: usize = size_of::<usize>();

/// The value of a variable in libc's current environment, cut to the length of `room`. `name` ends with `=`. `None` in
/// a privileged process, because a user with fewer rights has set the variables.
pub fn current<'a>(name: &[u8], room: &'a mut [u8]) -> Option<&'a [u8]> {
    if process::is_privileged() {
        return None;
    }
    value(process::libc_environ() as usize, name, room)
}

/// The value of a variable in the array at `environment`, cut to the length of `room`. `name` ends with `=`.
pub fn value<'a>(environment: usize, name: &[u8], room: &'a mut [u8]) -> Option<&'a [u8]> {
    let mut at = environment;
    loop {
        let entry = load(at).filter(|&entry| entry != 0)?;
        if (0..name.len()).all(|index| load_byte(entry.wrapping_add(index)) == Some(name[index])) {
            return Some(copy_string(entry.wrapping_add(name.len()), room));
        }
        at = at.wrapping_add(POINTER_BYTES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_found_by_its_whole_name() {
        let entries = [c"A=1", c"AB=two", c"B="];
        let mut array: Vec<usize> = entries.iter().map(|entry| entry.as_ptr() as usize).collect();
        array.push(0);
        let mut room = [0; 2];
        let mut get =
            |name: &[u8]| value(array.as_ptr() as usize, name, &mut room).map(<[u8]>::to_vec);
        assert_eq!(get(b"AB="), Some(b"tw".to_vec()));
        assert_eq!((get(b"B="), get(b"C="), get(b"=")), (Some(Vec::new()), None, None));
    }
}
