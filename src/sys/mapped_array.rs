//! Arrays in mappings of their own: for work that must allocate from nobody, and be gone without a trace.

use super::{Errno, memory, round_up_to_page};
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

/// A type of which all zeros are a valid value, and which has no drop glue.
///
/// # Safety
/// Both must hold.
pub unsafe trait Zeroed: Copy {}

// SAFETY: plain numbers.
unsafe impl Zeroed for u32 {}
// SAFETY: as above.
unsafe impl Zeroed for usize {}

/// Room for a number of values that is fixed from the start. A page of it takes memory once it is touched.
pub struct MappedArray<T> {
    start: usize,
    capacity: usize,
    length: usize,
    _values: PhantomData<T>,
}

impl<T: Zeroed> MappedArray<T> {
    /// An array with room for `capacity` values, and none so far.
    pub fn with_capacity(capacity: usize) -> Result<MappedArray<T>, Errno> {
        let bytes = capacity.checked_mul(size_of::<T>()).ok_or(Errno::ENOMEM)?;
        // Not even an empty one is without a mapping.
        let start = memory::map(round_up_to_page(bytes.max(1)))?;
        Ok(MappedArray { start, capacity, length: 0, _values: PhantomData })
    }

    /// An array of `count` zeros.
    pub fn zeroed(count: usize) -> Result<MappedArray<T>, Errno> {
        let mut array = MappedArray::with_capacity(count)?;
        array.length = count;
        Ok(array)
    }

    /// Adds a value; false if there is no room.
    pub fn push(&mut self, value: T) -> bool {
        if self.length == self.capacity {
            return false;
        }
        // SAFETY: within the mapping, which is ours and aligned to a page.
        unsafe { (self.start as *mut T).add(self.length).write(value) };
        self.length += 1;
        true
    }

    /// Adds a value before the one of this number; false if there is no room.
    pub fn insert(&mut self, number: usize, value: T) -> bool {
        let is_done = self.push(value);
        if is_done {
            self[number..].rotate_right(1);
        }
        is_done
    }

    /// Takes out the value of this number.
    pub fn remove(&mut self, number: usize) {
        self[number..].rotate_left(1);
        self.length -= 1;
    }
}

impl<T> Deref for MappedArray<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        // SAFETY: the mapping is ours, aligned to a page, and holds so many values, which were written or are zeros.
        unsafe { core::slice::from_raw_parts(self.start as *const T, self.length) }
    }
}

impl<T> DerefMut for MappedArray<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above, and `self` is borrowed for as long.
        unsafe { core::slice::from_raw_parts_mut(self.start as *mut T, self.length) }
    }
}

impl<T> Drop for MappedArray<T> {
    fn drop(&mut self) {
        let bytes = (self.capacity * size_of::<T>()).max(1);
        // SAFETY: the mapping is ours, and whoever borrowed from it is done.
        unsafe { memory::unmap(self.start, round_up_to_page(bytes)) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_what_there_is_room_for() {
        let mut array = MappedArray::<usize>::with_capacity(3).unwrap();
        assert!(array.is_empty());
        assert_eq!([1, 2, 3, 4].map(|value| array.push(value)), [true, true, true, false]);
        array[1] = 7;
        assert_eq!(*array, [1, 7, 3]);
        array.remove(0);
        assert!(array.insert(1, 5) && !array.insert(0, 6));
        assert_eq!(*array, [7, 5, 3]);
        assert_eq!(*MappedArray::<u32>::zeroed(2).unwrap(), [0, 0]);
        assert!(MappedArray::<usize>::with_capacity(usize::MAX).is_err());
        assert!(MappedArray::<usize>::with_capacity(0).unwrap().is_empty());
    }
}
